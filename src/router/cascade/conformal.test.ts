import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { chanceOf, labelOf } from '../../../test/support/cascade.ts';
import { acceptNothing, conformalThreshold, fairSample } from './conformal.ts';
import { nextThreshold } from './spend-share.ts';

const seed = 20_261_121;
const promise = { regret: 0.02, risk: 0.1 };
const many = (count: number, raw: number, agreed: boolean) =>
  Array.from({ length: count }, () => ({ raw, agreed }));

describe('a conformal threshold', () => {
  test('promises nothing from too few labels', () => {
    // At most one miss of 193 has more than a tenth of chance where the true share is 2 %.
    assert.equal(conformalThreshold(many(193, 1, true), promise), undefined);
    assert.equal(conformalThreshold(many(194, 1, true), promise), 1);
    assert.equal(conformalThreshold([], promise), undefined);
  });

  test('accepts nothing where even the surest answers are wrong too often', () => {
    const labels = [...many(450, 0.9, true), ...many(50, 0.9, false)];
    assert.equal(conformalThreshold(labels, promise), acceptNothing);
  });

  test('is the least score above which misses are few enough', () => {
    const labels = [...many(300, 0.95, true), ...many(4, 0.9, false), ...many(196, 0.8, true)];
    assert.equal(conformalThreshold(labels, promise), 0.8);
    assert.equal(conformalThreshold([...labels, ...many(20, 0.85, false)], promise), 0.9);
  });

  test('answers without a score are never accepted, and count as traffic', () => {
    const unread = Array.from({ length: 500 }, () => ({ agreed: false }));
    assert.equal(conformalThreshold([...unread, ...many(4, 0.9, false)], promise), 0.9);
    assert.equal(conformalThreshold(unread, promise), acceptNothing);
  });

  test('falls as more regret is allowed, and rises with more certainty, for any labels', () => {
    const labels = fc.array(
      fc.record({ raw: fc.double({ min: 0, max: 1, noNaN: true }), agreed: fc.boolean() }),
      { minLength: 120, maxLength: 300 },
    );
    const share = fc.double({ min: 0.02, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(labels, share, share, (scored, one, other) => {
        const [less, more] = one < other ? [one, other] : [other, one];
        const at = (regret: number, risk = 0.1) =>
          conformalThreshold(scored, { regret, risk }) ?? acceptNothing;
        assert.ok(at(more) <= at(less));
        assert.ok(at(0.1, more) <= at(0.1, less));
      }),
      { seed },
    );
  });

  test('breaks its promise in at most a tenth of 500 draws', () => {
    const chance = chanceOf(11);
    // The true regret of every threshold is known: a miss has chance (1 - raw) / 5, raw uniform.
    const regretOf = (threshold: number): number =>
      threshold > 1 ? 0 : (1 - Math.max(0, threshold)) ** 2 / 10;
    let broken = 0;
    let accepted = 0;
    for (let round = 0; round < 500; round++) {
      const labels = Array.from({ length: 500 }, () => {
        const raw = chance();
        return { raw, agreed: chance() >= (1 - raw) / 5 };
      });
      const threshold = conformalThreshold(labels, promise) ?? assert.fail('enough labels');
      if (regretOf(threshold) > promise.regret) broken += 1;
      accepted += Math.max(0, 1 - threshold) / 500;
    }
    assert.ok(broken <= 50, `${broken} of 500 broken`);
    assert.ok(accepted > 0.25, `it would be easy to accept nothing: ${accepted}`);
  });
});

describe('a fair sample', () => {
  test('keeps all audits, and of escalations the share that accepted answers were audited at', () => {
    const labels = Array.from({ length: 20_000 }, (_, index) =>
      labelOf({ id: `req_${index}`, kind: index % 4 === 0 ? 'audit' : 'escalation' }),
    );
    const kept = fairSample(labels, 0.1);
    const audits = kept.filter(({ kind }) => kind === 'audit').length;
    assert.equal(audits, 5_000);
    assert.ok(Math.abs(kept.length - audits - 1_500) < 120, String(kept.length - audits));
    assert.deepEqual(fairSample(labels, 0.1), kept);
    assert.equal(fairSample(labels, 1).length, labels.length);
  });
});

describe('a held share', () => {
  test('is kept within its bound for any sequence of scores', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 500, maxLength: 3_000 }),
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        (scores, share) => {
          let threshold = 0.85;
          let escalated = 0;
          for (const score of scores) {
            const up = score < threshold;
            if (up) escalated += 1;
            threshold = nextThreshold(threshold, share, up);
          }
          const off = Math.abs(escalated / scores.length - share);
          assert.ok(off <= 1.04 / (0.02 * scores.length) + 1e-9, `${off} of ${share}`);
        },
      ),
      { seed, numRuns: 100 },
    );
  });

  test('follows traffic that changes: 30% stay 30% when every score falls', () => {
    const chance = chanceOf(5);
    let threshold = 0.85;
    let escalated = 0;
    for (let index = 0; index < 20_000; index++) {
      const score = index < 10_000 ? 0.5 + chance() / 2 : chance() / 2;
      const up = score < threshold;
      if (up) escalated += 1;
      threshold = nextThreshold(threshold, 0.3, up);
    }
    assert.ok(Math.abs(escalated / 20_000 - 0.3) < 0.005, String(escalated / 20_000));
  });

  test('holds at both ends: all, and nothing', () => {
    for (const share of [0, 1]) {
      let threshold = 0.85;
      let escalated = 0;
      for (let index = 0; index < 1_000; index++) {
        const up = threshold > 0.9;
        if (up) escalated += 1;
        threshold = nextThreshold(threshold, share, up);
      }
      assert.ok(Math.abs(escalated / 1_000 - share) < 0.06, String(escalated));
    }
  });
});
