import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { forecast, lineOf, times, usage } from './fixtures/forecasts.ts';
import type { Forecast } from './report.ts';

describe('a cascade in a forecast', () => {
  const hundred = (model: string) =>
    times(100, (index) => lineOf(`${index}`, model, `${index} ${'x'.repeat(400)}`));
  const targets = (one: Forecast) =>
    one.targets.map(({ target, items, submissions }) => [target, items, submissions]);
  const rungs = (one: Forecast) => Object.fromEntries(one.ladder.map(({ step, nanoUsd }) => [step, nanoUsd]));

  test('counts both waves, at an assumed share of escalations where nothing is known', () => {
    const one = forecast(hundred('sure'), { output: 50 });
    assert.deepEqual(targets(one), [
      ['openai/full@batch', 20, 1],
      ['openai/nano@batch', 100, 1],
    ]);
    const [cascade] = one.cascades;
    assert.deepEqual(
      [cascade?.share, cascade?.from, cascade?.pays, cascade?.strong],
      [0.2, 'assumed', true, 'openai/full@batch'],
    );
    assert.equal(cascade?.breakEven, 0.9);
    const { batch = 0, routing, cascade: rung = 0, cache } = rungs(one);
    assert.equal(routing, batch, 'without it the strong model answers all');
    assert.ok(Math.abs(rung - batch * 0.3) <= 2, `${rung} of ${batch}`);
    assert.equal(cache, rung);
    assert.equal(one.costNanoUsd, rung);
    assert.equal(one.baseline, 'openai/full');
    assert.equal(one.sent, 100);
  });

  test('takes the share from what both models have answered on the route, less what was audited', () => {
    const rows = [
      usage({ route: 'sure', answers: 1_000 }),
      usage({ route: 'sure', model: 'full', answers: 370 }),
      usage({ route: 'other', model: 'full', answers: 5_000 }),
    ];
    const [cascade] = forecast(hundred('sure'), { usage: rows, output: 50 }).cascades;
    assert.deepEqual([cascade?.from, cascade?.answers], ['ledger', 1_000]);
    assert.ok(Math.abs((cascade?.share ?? 0) - 0.3) < 1e-9, 'a tenth of the 700 others was audited');
  });

  test('counts a model that gives an opinion of its own answers as often as it is asked', () => {
    const rows = [
      usage({ route: 'asked', answers: 2_000 }),
      usage({ route: 'asked', model: 'full', answers: 400 }),
    ];
    const one = forecast(hundred('asked'), { usage: rows, output: 50 });
    assert.equal(one.cascades[0]?.share, 0.4);
    assert.deepEqual(targets(one), [
      ['openai/half@batch', 100, 1],
      ['openai/full@batch', 40, 1],
      ['openai/nano@batch', 200, 2],
    ]);
  });

  test('asks of a judge no more than a judgement', () => {
    const { targets: all } = forecast(hundred('judged'), { output: 500 });
    const judge = all.find(({ target }) => target === 'openai/half@batch');
    assert.deepEqual([judge?.items, judge?.outputTokens], [100, 1_600]);
  });

  test('says where it costs more than the strong model alone, at any share or at this one', () => {
    const [dear] = forecast(hundred('dear'), { output: 50 }).cascades;
    assert.deepEqual([dear?.pays, dear?.breakEven], [false, 0]);
    assert.ok((dear?.nanoUsd ?? 0) > (dear?.strongNanoUsd ?? 0));
    const rows = [
      usage({ route: 'sure', answers: 100 }),
      usage({ route: 'sure', model: 'full', answers: 95 }),
    ];
    const [often] = forecast(hundred('sure'), { usage: rows, output: 50 }).cascades;
    assert.deepEqual([often?.pays, often?.breakEven], [false, 0.9]);
  });

  test('is not told of where no route has one', () => {
    const one = forecast(hundred('nano'));
    assert.deepEqual(one.cascades, []);
    assert.equal(rungs(one)['cascade'], undefined);
  });
});
