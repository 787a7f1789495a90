/** The stand-ins' limits count as a provider's do, and tell how much of them was used. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Ask, think } from './brain.ts';
import { limitSchema } from './faults.ts';
import { createLimits } from './limits.ts';

function setUp(limit: object) {
  let nowMs = 0;
  const clock = { now: () => nowMs, after: () => () => {} };
  const limits = createLimits([limitSchema.parse(limit)], clock);
  const usage = (measure: string) => limits.usage().find((one) => one.measure === measure);
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { limits, usage, pass };
}

describe('simulated limits', () => {
  test('a bucket holds a minute and refills without pause', () => {
    const { limits, pass, usage } = setUp({ rpm: 60 });
    for (let times = 0; times < 60; times++) assert.ok(limits.take('a', 'm', 1).ok);
    assert.deepEqual(limits.take('a', 'm', 1), { ok: false, retryAfterMs: 1000 });
    pass(1000);
    assert.ok(limits.take('a', 'm', 1).ok);
    assert.equal(limits.violations(), 1);
    const requests = usage('requests');
    assert.equal(requests?.granted, 61);
    assert.equal(requests?.most, 61);
    assert.equal(requests?.refused, 1);
    assert.equal(requests?.worstOverrun, 1);
  });

  test('input is counted when a call comes, output as it is made', () => {
    const { limits, pass, usage } = setUp({ input_tpm: 1000, output_tpm: 600 });
    assert.ok(limits.take('a', 'm', 900).ok);
    assert.ok(!limits.take('a', 'm', 101).ok);
    limits.release('a', 'm', 610);
    assert.ok(!limits.take('a', 'm', 1).ok, 'more output than there was room for is debt');
    assert.equal(usage('output')?.worstOverrun, 10);
    pass(1100);
    assert.ok(limits.take('a', 'm', 1).ok, 'which runs off like any use');
    assert.equal(usage('input')?.granted, 901);
    assert.equal(usage('output')?.granted, 610);
  });

  test('every model of every provider has buckets of its own', () => {
    const { limits } = setUp({ rpm: 1 });
    assert.ok(limits.take('a', 'm', 1).ok);
    assert.ok(limits.take('b', 'm', 1).ok);
    assert.ok(limits.take('a', 'n', 1).ok);
    assert.equal(limits.usage().length, 3);
  });
});

test('no answer is longer than max_tokens, whatever it is made of', () => {
  const ask: Ask = {
    model: 'm',
    stream: false,
    prompt: 'both',
    inputCharacters: 10,
    images: 0,
    tools: [
      { name: 'f', schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } },
      { name: 'g', schema: { type: 'object' } },
    ],
    toolChoice: 'auto',
    parallel: true,
    answersTools: false,
    stop: [],
    choices: 1,
    thinking: true,
    cachedCharacters: 0,
  };
  for (const offered of [ask, { ...ask, tools: [] }])
    for (let maxTokens = 1; maxTokens < 120; maxTokens++) {
      const { usage, stop, calls } = think({ ...offered, maxTokens }, 1);
      assert.ok(usage.output <= maxTokens, `${usage.output} of ${maxTokens}`);
      if (offered === ask && calls.length < 2) assert.equal(stop, 'length');
    }
  assert.equal(think({ ...ask, maxTokens: 1000 }, 1).stop, 'tool');
});
