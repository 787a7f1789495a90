import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createCalibration } from './calibration.ts';

/** Numbers in 0..1 that are the same in every run (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 });

describe('input', () => {
  test('is the rough estimate, and three times it as a bound, before anything is learned', () => {
    const calibration = createCalibration();
    assert.equal(calibration.estimateInput('m', 1000), 1000);
    assert.equal(calibration.boundInput('m', 1000), 3016);
    assert.equal(calibration.boundInput('m', 1000, 2500), 2500);
  });

  test('comes to a fixed ratio, whatever it is', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 10, noNaN: true }), seeds, (ratio, seed) => {
        const calibration = createCalibration();
        const random = createRandom(seed);
        for (let i = 0; i < 200; i++) {
          const rough = 50 + random() * 5000;
          calibration.learn({ model: 'm', key: 'k', rough, actualInput: rough * ratio });
        }
        const estimate = calibration.estimateInput('m', 10_000);
        assert.ok(Math.abs(estimate / (10_000 * ratio) - 1) < 0.001, `${estimate} for ${ratio}`);
        const bound = calibration.boundInput('m', 10_000);
        assert.ok(bound >= 10_000 * ratio && bound < 10_000 * ratio * 1.25 + 20, `${bound} for ${ratio}`);
      }),
    );
  });

  test('a bound holds in 97 of 100 calls while texts vary, from the first call on', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const calibration = createCalibration();
        const random = createRandom(seed);
        let exceeded = 0;
        for (let i = 0; i < 1000; i++) {
          const rough = 20 + random() * 5000;
          const actualInput = rough * (0.8 + random() * 0.8);
          if (actualInput > calibration.boundInput('m', rough)) exceeded++;
          calibration.learn({ model: 'm', key: 'k', rough, actualInput });
        }
        assert.ok(exceeded <= 30, String(exceeded));
      }),
      { numRuns: 30 },
    );
  });

  test('follows when a model’s callers write otherwise than before', () => {
    const calibration = createCalibration();
    for (let i = 0; i < 500; i++) calibration.learn({ model: 'm', key: 'k', rough: 100, actualInput: 300 });
    for (let i = 0; i < 300; i++) calibration.learn({ model: 'm', key: 'k', rough: 100, actualInput: 100 });
    assert.ok(calibration.estimateInput('m', 100) <= 102);
    assert.ok(calibration.boundInput('m', 100) <= 140);
  });

  test('a bound never goes beyond the bytes of the body', () => {
    const tokens = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(tokens, tokens), { maxLength: 50 }),
        tokens,
        fc.nat(1_000_000),
        (samples, rough, bytes) => {
          const calibration = createCalibration();
          for (const [one, actualInput] of samples)
            calibration.learn({ model: 'm', key: 'k', rough: one, actualInput });
          assert.ok(calibration.boundInput('m', rough, bytes) <= bytes);
        },
      ),
    );
  });
});

describe('output', () => {
  test('is a guess, and all that the caller allows as a bound, before anything is learned', () => {
    const calibration = createCalibration();
    assert.equal(calibration.expectedOutput('k'), 512);
    assert.equal(calibration.expectedOutput('k', 100), 100);
    assert.equal(calibration.percentile95Output('k'), 4096);
    assert.equal(calibration.percentile95Output('k', 16_000), 16_000);
  });

  const normal = (random: () => number): number =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  /** Length of an answer, and its mean and 95th percentile. */
  const distributions: readonly (readonly [string, (random: () => number) => number, number, number])[] = [
    ['always the same', () => 400, 400, 400],
    ['even', (random) => random() * 1000, 500, 950],
    ['exponential', (random) => -300 * Math.log(1 - random()), 300, 898.7],
    ['log-normal', (random) => 200 * Math.exp(0.8 * normal(random)), 275.4, 745.5],
    ['a label or an essay', (random) => (random() < 0.7 ? 3 : 1800 + random() * 400), 602.1, 2133.3],
  ];
  for (const [name, draw, mean, percentile] of distributions)
    test(`${name}: mean and 95th percentile`, () => {
      const random = createRandom(42);
      const calibration = createCalibration();
      let means = 0;
      let percentiles = 0;
      let within = 0;
      const rounds = 20_000;
      for (let i = -500; i < rounds; i++) {
        const actualOutput = draw(random);
        if (i >= 0) {
          means += calibration.expectedOutput('k') / rounds;
          const bound = calibration.percentile95Output('k');
          percentiles += bound / rounds;
          if (actualOutput <= bound) within += 1 / rounds;
        }
        calibration.learn({ model: 'm', key: 'k', rough: 0, actualOutput });
      }
      assert.ok(Math.abs(means / mean - 1) < 0.05, `mean ${means}`);
      assert.ok(Math.abs(percentiles / percentile - 1) < 0.1, `percentile ${percentiles}`);
      assert.ok(within > 0.92, `within ${within}`);
    });

  test('goes no further than the caller allows', () => {
    const calibration = createCalibration();
    for (let i = 0; i < 100; i++) calibration.learn({ model: 'm', key: 'k', rough: 1, actualOutput: 5000 });
    assert.equal(calibration.expectedOutput('k', 200), 200);
    assert.equal(calibration.percentile95Output('k', 200), 200);
  });
});

describe('errors', () => {
  test('are those of the estimate as it was, and fade as it learns', () => {
    const calibration = createCalibration();
    assert.deepEqual(calibration.errors(), []);
    calibration.learn({ model: 'm', key: 'k', rough: 100, actualInput: 200 });
    assert.deepEqual(calibration.errors(), [{ model: 'm', count: 1, meanAbsoluteError: 0.5, bias: -0.5 }]);
    for (let i = 0; i < 400; i++) calibration.learn({ model: 'm', key: 'k', rough: 100, actualInput: 200 });
    const [row] = calibration.errors();
    assert.equal(row?.count, 401);
    assert.ok((row?.meanAbsoluteError ?? 1) < 0.001 && Math.abs(row?.bias ?? 1) < 0.001);
  });

  test('what was not learned is not counted', () => {
    const calibration = createCalibration();
    calibration.learn({ model: 'm', key: 'k', rough: 0, actualInput: 5 });
    calibration.learn({ model: 'm', key: 'k', rough: 5, actualInput: 0 });
    calibration.learn({ model: 'm', key: 'k', rough: 5, actualOutput: 7 });
    assert.deepEqual(calibration.errors(), []);
  });
});
