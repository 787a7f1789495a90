import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bootstrap } from './bootstrap.ts';
import { apgrOf, aurocOf, cptOf, curveOf, eceOf, type Outcome } from './metrics.ts';

const better: Outcome = { weak: false, strong: true };
const same: Outcome = { weak: true, strong: true };
const worse: Outcome = { weak: true, strong: false };
const curve = (scores: readonly number[], outcomes: readonly Outcome[]) => {
  const points = curveOf(scores, outcomes);
  assert.ok(points !== undefined);
  return points;
};
const near = (actual: number | undefined, wanted: number): void =>
  assert.ok(actual !== undefined && Math.abs(actual - wanted) < 1e-9, `${actual} is not ${wanted}`);

describe('the curve of a router', () => {
  const outcomes = [better, better, same, same];

  test('has the whole area but for the climb where all that is worth it comes first', () => {
    const points = curve([4, 3, 2, 1], outcomes);
    near(apgrOf(points), 0.75);
    near(cptOf(points, 0.5), 0.25);
    near(cptOf(points, 0.8), 0.4);
  });

  test('has the rest of it the other way round', () => {
    near(apgrOf(curve([1, 2, 3, 4], outcomes)), 0.25);
    near(cptOf(curve([1, 2, 3, 4], outcomes), 0.5), 0.75);
  });

  test('is a straight line where all are scored alike, in whatever order they come', () => {
    for (const order of [outcomes, outcomes.toReversed()]) {
      near(apgrOf(curve([7, 7, 7, 7], order)), 0.5);
      near(cptOf(curve([7, 7, 7, 7], order), 0.8), 0.8);
    }
  });

  test('rises above 1 where the weak model alone is right on what comes last', () => {
    const points = curve([3, 2, 1], [better, better, worse]);
    assert.equal(Math.max(...points.map(({ recovered }) => recovered)), 2);
    near(points.at(-1)?.recovered, 1);
  });

  test('is not there where the strong model is no better', () => {
    assert.equal(curveOf([1, 2], [worse, better]), undefined);
    assert.equal(curveOf([], []), undefined);
  });
});

describe('AUROC', () => {
  test('is 1, 0 and a half for the right order, the wrong one and none', () => {
    near(aurocOf([3, 2, 1], [true, false, false]), 1);
    near(aurocOf([1, 2, 3], [true, false, false]), 0);
    near(aurocOf([1, 1, 1], [true, false, false]), 0.5);
    near(aurocOf([2, 2, 1], [true, false, false]), 0.75);
  });
  test('is not there for one kind alone', () => assert.equal(aurocOf([1, 2], [true, true]), undefined));
});

describe('the calibration error', () => {
  test('is 0 for chances that come true, and how far they are off else', () => {
    const chances = Array.from({ length: 100 }, () => 0.25);
    const came = chances.map((_, at) => at % 4 === 0);
    assert.ok((eceOf(chances, came) ?? 1) < 0.06);
    near(eceOf([1, 1, 1, 1], [false, false, false, false]), 1);
  });
});

describe('the bootstrap', () => {
  let state = 1;
  const random = (): number => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };

  test('of a mean is about two standard errors to either side', () => {
    const values = Array.from({ length: 400 }, (_, at) => at % 2);
    const mean = (drawn: readonly number[]): number =>
      drawn.reduce((sum, at) => sum + (values[at] ?? 0), 0) / drawn.length;
    const interval = bootstrap(values.length, mean, random);
    assert.ok(interval !== undefined);
    assert.ok(
      Math.abs(interval.low - 0.451) < 0.015 && Math.abs(interval.high - 0.549) < 0.015,
      JSON.stringify(interval),
    );
  });

  test('is not there where most draws have no such figure', () =>
    assert.equal(
      bootstrap(10, () => undefined, random),
      undefined,
    ));
});
