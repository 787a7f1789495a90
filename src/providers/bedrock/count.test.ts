import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import { provider } from './index.ts';

function count(model: string) {
  const settings = provider.settings.parse({ region: 'us-east-1', bearer_token: 'k' });
  return provider
    .create('bedrock', settings, { env: {}, clock: systemClock })
    .countTokens?.(modelInfo(model));
}

for (const id of [
  'anthropic.claude-haiku-4-5-20251001-v1:0',
  'us.anthropic.claude-haiku-4-5-20251001-v1:0',
  'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0',
]) {
  test(`${id} is counted by the model itself`, async () => {
    const wire = await count(id)?.request('{}', { stream: false, headers: {} });
    assert.equal(wire?.path, '/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/count-tokens');
  });
}

test('what is counted is the body that Invoke would get', () => {
  const encoded = count('us.anthropic.claude-haiku-4-5-20251001-v1:0')?.encode({
    kind: 'chat',
    model: 'route',
    system: [],
    messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Which pier?' }] }],
    tools: [],
    stream: false,
    streamUsage: false,
    extensions: {},
    maxOutputTokens: 9,
  });
  assert.ok(encoded);
  // As encoded just above.
  const { input } = encoded.body as { input: { invokeModel: { body: string } } };
  const inner: unknown = JSON.parse(Buffer.from(input.invokeModel.body, 'base64').toString('utf8'));
  assert.deepEqual(inner, {
    anthropic_version: 'bedrock-2023-05-31',
    max_tokens: 9,
    messages: [{ role: 'user', content: [{ type: 'text', text: 'Which pier?' }] }],
  });
});

test('answers are a number', () => {
  const endpoint = count('us.anthropic.claude-haiku-4-5-20251001-v1:0');
  assert.deepEqual(endpoint?.readAnswer({ inputTokens: 12 }), { inputTokens: 12 });
  assert.throws(() => endpoint?.readAnswer({}), { code: 'upstream_malformed' });
});

test('models that are not Claude are not counted', () => {
  assert.equal(count('us.amazon.nova-micro-v1:0'), undefined);
});
