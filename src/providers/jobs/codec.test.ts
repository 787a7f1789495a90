import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeClock } from '../../../test/support/clock.ts';
import { modelInfo } from '../../catalog/catalog.ts';
import type { ChatRequest } from '../../core/request.ts';
import { encodeItem } from './codec.ts';
import { provider } from './index.ts';

const request = (more: Partial<ChatRequest> = {}): ChatRequest => ({
  kind: 'chat',
  model: 'route',
  system: [],
  messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Which pier?' }] }],
  tools: [],
  stream: false,
  streamUsage: false,
  extensions: {},
  ...more,
});
const turn = (role: 'user' | 'assistant') => ({ role, blocks: [{ type: 'text' as const, text: 'x' }] });

describe('an item', () => {
  test('is the user’s text, behind the system’s, and the task of the config', () => {
    assert.deepEqual(encodeItem(request(), undefined), { body: { content: 'Which pier?' }, dropped: [] });
    const { body, dropped } = encodeItem(
      request({ system: [{ type: 'text', text: 'Be short.' }], temperature: 0, maxOutputTokens: 9 }),
      'extract',
    );
    assert.deepEqual(body, { content: 'Be short.\n\nWhich pier?', task: 'extract' });
    assert.deepEqual(dropped, ['system', 'max_tokens', 'temperature']);
  });

  test('says in words that it wants JSON, and in which schema', () => {
    const json = encodeItem(request({ format: { kind: 'json' } }), undefined);
    assert.deepEqual(json.body, {
      content: 'Which pier?\n\nAnswer with one JSON object and nothing else.',
      response_format: { type: 'json_object' },
    });
    const format = { kind: 'schema', schema: { type: 'object', required: ['pier'] } } as const;
    const schema = encodeItem(request({ format }), undefined);
    assert.match(JSON.stringify(schema.body), /JSON Schema.*required.*pier/);
    assert.deepEqual(schema.dropped, ['response_format.json_schema']);
  });

  const unsayable: readonly [string, Partial<ChatRequest>][] = [
    ['several turns', { messages: [turn('user'), turn('assistant'), turn('user')] }],
    ['an assistant’s turn', { messages: [turn('assistant')] }],
    ['no turn', { messages: [] }],
    ['tools', { tools: [{ kind: 'function', name: 'f' }] }],
    ['several choices', { choices: 2 }],
    ['log probabilities', { logprobs: { top: 0 } }],
    [
      'images',
      {
        messages: [
          {
            role: 'user',
            blocks: [{ type: 'image', source: { kind: 'url', url: 'https://port.example/a.png' } }],
          },
        ],
      },
    ],
  ];
  for (const [what, more] of unsayable)
    test(`cannot carry ${what}`, () => {
      assert.throws(() => encodeItem(request(more), undefined), { code: 'unsupported' });
    });
});

describe('its endpoint', () => {
  const made = provider.create('cheap', provider.settings.parse({ base_url: 'https://jobs.example/v1' }), {
    env: {},
    clock: createFakeClock(),
  });
  const chat = made.chat?.(modelInfo('reseller-large'));

  test('carries structured output and nothing else beyond text', () => {
    assert.deepEqual([...(chat?.carries ?? [])], ['structured-output']);
    assert.equal(chat?.forward, undefined);
    assert.equal(chat?.protocol, 'other');
  });

  test('sends nothing by itself, and says how to name it', () => {
    assert.throws(() => chat?.request('{}', { stream: false, headers: {} }), {
      code: 'unsupported',
      message: /cheap\/reseller-large@batch/,
    });
  });

  test('warns of a key that is missing', () => {
    assert.match(made.warning ?? '', /JOBS_API_KEY/);
  });
});

test('settings are strict', () => {
  const base = { base_url: 'https://jobs.example/v1' };
  assert.equal(provider.settings.safeParse(base).success, true);
  for (const more of [
    { key: 'x' },
    { paths: { poll: '/jobs' } },
    { paths: { submit: 'jobs' } },
    { most_items: 0 },
    { webhook: { secret: 'x' } },
  ])
    assert.equal(provider.settings.safeParse({ ...base, ...more }).success, false, JSON.stringify(more));
});
