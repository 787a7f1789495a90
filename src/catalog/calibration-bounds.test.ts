/** What calibration must withstand: more names than it has room for, numbers that cannot be, and a long life. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCalibration } from './calibration.ts';

test('names are bounded: the least lately used are forgotten', () => {
  const calibration = createCalibration();
  calibration.learn({ model: 'kept', key: 'kept', rough: 100, actualInput: 200, actualOutput: 9 });
  for (let i = 0; i < 3000; i++) {
    calibration.estimateInput('kept', 1);
    calibration.learn({ model: `m${i}`, key: `k${i}`, rough: 100, actualInput: 200, actualOutput: 9 });
  }
  assert.equal(calibration.errors().length, 1024);
  assert.equal(calibration.estimateInput('kept', 100), 200);
  assert.equal(calibration.estimateInput('m0', 100), 100);
  assert.equal(calibration.expectedOutput('kept'), 512);
});

test('no number breaks it', () => {
  const number = fc.oneof(
    fc.double(),
    fc.constantFrom(
      0,
      -0,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      1e308,
      5e-324,
      1e9,
    ),
    fc.integer({ min: 0, max: 1_000_000 }),
  );
  const maybe = fc.option(number, { nil: undefined });
  const name = fc.constantFrom('a', 'b', '', '__proto__');
  const sample = fc.record({
    model: name,
    key: name,
    rough: number,
    actualInput: maybe,
    actualOutput: maybe,
  });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 200 }), name, number, maybe, (samples, model, rough, most) => {
      const calibration = createCalibration();
      for (const one of samples) calibration.learn(one);
      const numbers = [
        calibration.estimateInput(model, rough),
        calibration.boundInput(model, rough, most),
        calibration.expectedOutput(model, most),
        calibration.percentile95Output(model, most),
        ...calibration.errors().map((row) => row.meanAbsoluteError),
      ];
      for (const value of numbers) assert.ok(Number.isFinite(value) && value >= 0, numbers.join());
      for (const { bias } of calibration.errors()) assert.ok(Number.isFinite(bias));
    }),
    { numRuns: 1000 },
  );
});

test('it forgets no weight and loses no number over a million samples', () => {
  const calibration = createCalibration();
  for (let i = 0; i < 1_000_000; i++)
    calibration.learn({ model: 'm', key: 'k', rough: 100, actualInput: 130, actualOutput: 64 });
  assert.equal(calibration.estimateInput('m', 100), 130);
  const percentile = calibration.percentile95Output('k');
  assert.ok(percentile >= 64 && percentile <= 70, String(percentile));
});
