import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chanceOf } from '../../../test/support/cascade.ts';
import { type Calibration, calibrate, calibrationError, heldOutError } from './calibration.ts';
import type { Scored } from './scored.ts';

const seed = 20_261_121;
const score = fc.double({ min: 0, max: 1, noNaN: true });
const labels = fc.array(fc.record({ raw: score, agreed: fc.boolean() }), { minLength: 1, maxLength: 300 });

const learnt = (scored: readonly Scored[]): Calibration => calibrate(scored) ?? assert.fail('no labels');

describe('a calibration', () => {
  test('of no labels is none', () => assert.equal(calibrate([]), undefined));

  test('keeps the order of scores, and is a probability, for any labels', () => {
    fc.assert(
      fc.property(labels, score, score, (scored, one, other) => {
        const { confidenceOf, points } = learnt(scored);
        const [low, high] = one < other ? [one, other] : [other, one];
        assert.ok(confidenceOf(low) <= confidenceOf(high) + 1e-12);
        assert.ok(confidenceOf(low) >= 0 && confidenceOf(high) <= 1);
        assert.equal(
          points.reduce((sum, point) => sum + point.labels, 0),
          scored.length,
        );
      }),
      { seed },
    );
  });

  test('does not depend on the order of labels', () => {
    fc.assert(
      fc.property(labels, score, (scored, raw) => {
        const [there, back] = [learnt(scored), learnt(scored.toReversed())];
        assert.ok(Math.abs(there.confidenceOf(raw) - back.confidenceOf(raw)) < 1e-9);
      }),
      { seed },
    );
  });

  test('of two scores is their shares, a little towards that of all', () => {
    const scored = Array.from({ length: 200 }, (_, index) => ({
      raw: index < 150 ? 1 : 0,
      agreed: index < 150 ? index % 10 > 0 : index % 2 === 0,
    }));
    const { confidenceOf } = learnt(scored);
    assert.ok(Math.abs(confidenceOf(1) - 0.9) < 0.01);
    assert.ok(Math.abs(confidenceOf(0) - 0.5) < 0.01);
  });

  for (const [name, most, worth] of [
    ['overconfident', 0.03, (raw: number) => raw ** 3],
    ['underconfident', 0.03, (raw: number) => Math.sqrt(raw)],
    // The most that can be asked of steps: where the jump lies is not known to the label.
    ['of two kinds', 0.035, (raw: number) => (raw > 0.5 ? 0.95 : 0.4)],
  ] as const)
    test(`with 200 labels of a model that is ${name}, the error is at most ${most} on average over 50 draws`, () => {
      const chance = chanceOf(7);
      // Cheap models are mostly right: scores crowd at the upper end, as they do in practice.
      const draw = (count: number): Scored[] =>
        Array.from({ length: count }, () => {
          const raw = 1 - chance() ** 4;
          return { raw, agreed: chance() < worth(raw) };
        });
      let error = 0;
      let before = 0;
      for (let round = 0; round < 50; round++) {
        const { confidenceOf } = learnt(draw(200));
        const fresh = draw(4_000);
        error += told(fresh, confidenceOf) / 50;
        before += told(fresh, (raw) => raw) / 50;
      }
      assert.ok(error <= most, `${error} (raw ${before})`);
      assert.ok(error < before);
    });

  test('its held-out error is near what fresh labels show, and not told of few', () => {
    const chance = chanceOf(3);
    const scored = Array.from({ length: 2_000 }, () => {
      const raw = chance();
      return { raw, agreed: chance() < raw ** 2 };
    });
    assert.ok((heldOutError(scored) ?? 1) < 0.04);
    assert.equal(heldOutError(scored.slice(0, 49)), undefined);
  });
});

function told(scored: readonly Scored[], confidenceOf: (raw: number) => number): number {
  return calibrationError(scored.map(({ raw, agreed }) => ({ confidence: confidenceOf(raw), agreed })));
}
