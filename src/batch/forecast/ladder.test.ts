import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { forecast, lineOf, times } from './fixtures/forecasts.ts';

describe('the time of a forecast', () => {
  const hour = 3_600_000;

  test('is that of the batch API, but for what must be asked one by one before the window ends', () => {
    const { time } = forecast([lineOf('a', 'nano', 'x')], { windowMs: 24 * hour });
    assert.deepEqual([time.mode, time.aloneMs], ['batch', 0]);
    assert.ok((time.turnsAfterMs ?? 0) > 23 * hour && (time.turnsAfterMs ?? 0) < 24 * hour);
    assert.ok((forecast([lineOf('a', 'nano', 'x')], { windowMs: 60_000 }).time.turnsAfterMs ?? 0) < 60_000);
  });

  test('is that of the calls where nothing goes by batch, by how many run at once and a minute', () => {
    const lines = times(160, (index) => lineOf(`${index}`, 'here', `${index}`));
    const { time } = forecast(lines);
    // Sixteen at once, three seconds each.
    assert.deepEqual([time.mode, time.turnsAfterMs, time.aloneMs], ['sync', undefined, 30_000]);
    assert.equal(forecast(lines, { batch: '{ sync: { rpm: 53 } }' }).time.aloneMs, 180_000);
  });

  test('is that of several rounds where the account takes only so many tokens or jobs at once', () => {
    const lines = times(10, (index) => lineOf(`${index}`, 'nano', `${index} ${'four '.repeat(800)}`));
    const limits = (what: string) => `limits: { openai/nano: { batch: { ${what} } } }`;
    const rounds = (what: string) => forecast(lines, { limits: limits(what) }).targets[0]?.rounds;
    assert.equal(rounds('enqueued_tokens: 1M'), 1);
    assert.equal(rounds('enqueued_tokens: 2500'), 5);
    assert.equal(rounds('concurrent: 1'), 1);
  });
});

describe('the savings ladder', () => {
  const lines = [
    lineOf('a', 'nano', 'x'.repeat(400), { max_tokens: 10 }),
    lineOf('b', 'nano', 'x'.repeat(400), { max_tokens: 10 }),
    lineOf('c', 'nano', 'hello', { max_tokens: 10 }),
    lineOf('d', 'full', 'y'.repeat(400), { max_tokens: 10 }),
  ];
  const told = {
    output: 10,
    batch: '{ prefilter: [{ when: { equals: "hello" }, answer: "hi" }] }',
  };

  test('begins at the dearest model of the routes, and takes off one way of saving after another', () => {
    const { ladder, baseline, costNanoUsd, targets } = forecast(lines, told);
    const nano = targets.find(({ target }) => target === 'openai/nano@batch')?.inputTokens ?? 0;
    const full = targets.find(({ target }) => target === 'openai/full@batch')?.inputTokens ?? 0;
    const [sync = 0, batch = 0, routing = 0, rules = 0, twins = 0, cache = 0] = ladder.map(
      ({ nanoUsd }) => nanoUsd,
    );
    assert.equal(baseline, 'openai/full');
    assert.deepEqual(
      ladder.map(({ step }) => step),
      ['sync', 'batch', 'routing', 'rules', 'twins', 'cache'],
    );
    assert.equal(batch, sync / 2);
    const small = nano * 500 + 10 * 2_000;
    const large = full * 5_000 + 10 * 20_000;
    assert.equal(rules, 2 * small + large);
    assert.ok(routing > rules && routing - rules < small);
    assert.equal(twins, small + large);
    assert.equal(cache, twins);
    assert.equal(costNanoUsd, cache);
    assert.equal(sync, 2 * (rules - large) * 10 + 2 * large + (routing - rules) * 20);
  });

  test('begins at the model that is named, and says so where nobody knows its price', () => {
    assert.equal(forecast(lines, { ...told, baseline: 'openai/nano@batch' }).baseline, 'openai/nano');
    assert.throws(
      () => forecast(lines, { ...told, baseline: 'openai/nan' }),
      /No price is known of "openai\/nan"\. Did you mean/,
    );
  });
});
