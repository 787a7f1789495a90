import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { createFold } from '../../core/answer.ts';
import { systemClock } from '../../core/clock.ts';
import type { StreamEvent } from '../../core/event.ts';
import type { ChatRequest } from '../../core/request.ts';
import { writeAwsException, writeAwsFrame } from '../../wire/aws-event-stream.ts';
import type { ForwardedCall } from '../contract.ts';
import { provider } from './index.ts';

const claude = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';

function endpoint(model = claude) {
  const settings = provider.settings.parse({ region: 'us-east-1', bearer_token: 'k' });
  const chat = provider.create('bedrock', settings, { env: {}, clock: systemClock }).chat?.(modelInfo(model));
  assert.ok(chat?.forward && chat.openRelay);
  return { ...chat, forward: chat.forward, openRelay: chat.openRelay };
}

const request: ChatRequest = {
  kind: 'chat',
  model: 'route',
  system: [],
  messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Which pier?' }] }],
  tools: [],
  stream: true,
  streamUsage: true,
  extensions: {},
};
const call: ForwardedCall = { stream: true, streamUsage: true, headers: {} };

const events = readFileSync(new URL('./fixtures/claude-stream.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');
const chunk = (event: string): Buffer =>
  writeAwsFrame('chunk', { bytes: Buffer.from(event).toString('base64'), p: 'abcdefgh' });
const stream = Buffer.concat(events.map(chunk));
const exception = writeAwsException('modelStreamErrorException', { message: 'The model failed.' });

describe('requests', () => {
  test('the body names neither model nor stream, but a version', () => {
    const { body, dropped } = endpoint().encode(request);
    assert.deepEqual(body, {
      anthropic_version: 'bedrock-2023-05-31',
      max_tokens: 32_000,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Which pier?' }] }],
    });
    assert.deepEqual(dropped, []);
  });

  test('a tier goes in a header', () => {
    const { body, headers, dropped } = endpoint().encode({ ...request, serviceTier: 'flex' });
    assert.deepEqual(headers, { 'x-amzn-bedrock-service-tier': 'flex' });
    assert.equal('service_tier' in body, false);
    assert.deepEqual(dropped, []);
    assert.deepEqual(endpoint().encode({ ...request, serviceTier: 'scale' }).dropped, ['service_tier']);
  });

  test('a forwarded body loses what Bedrock refuses, its betas go inside as far as Bedrock knows them', () => {
    const edits = endpoint().forward({
      ...call,
      headers: {
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'context-1m-2025-08-07, files-api-2025-04-14',
      },
    });
    assert.deepEqual(edits?.set, {
      anthropic_version: '"bedrock-2023-05-31"',
      anthropic_beta: '["context-1m-2025-08-07"]',
    });
    assert.deepEqual([...(edits?.remove ?? [])].sort(), ['model', 'service_tier', 'stream']);
    assert.equal(edits?.headers?.['anthropic-version'], undefined);
  });

  for (const [streamed, verb] of [
    [true, 'invoke-with-response-stream'],
    [false, 'invoke'],
  ] as const) {
    test(`goes to ${verb}`, async () => {
      const wire = await endpoint().request('{}', { stream: streamed, headers: { 'x-a': 'b' } });
      assert.equal(wire.path, `/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/${verb}`);
      assert.equal(wire.headers['x-a'], 'b');
      assert.equal(wire.headers['authorization'], 'Bearer k');
    });
  }
});

describe('streams', () => {
  function foldOf(pieces: readonly Uint8Array[]) {
    const fold = createFold();
    const reader = endpoint().openStream();
    for (const piece of pieces) reader.push(piece, fold.add);
    reader.finish(fold.add);
    return fold.answer();
  }

  test('events are unwrapped; usage is Anthropic’s, not AWS’s metrics', () => {
    assert.deepEqual(foldOf([stream]), {
      id: 'msg_bdrk_01Pier',
      model: 'claude-haiku-4-5-20251001',
      choices: [
        {
          blocks: [
            {
              type: 'reasoning',
              text: 'Ærø — pier 7?',
              carry: { family: 'anthropic', payload: 'c2lnbmVk' },
            },
            { type: 'text', text: 'Pier 7.' },
          ],
          stop: { kind: 'end', raw: 'end_turn' },
        },
      ],
      usage: { inputTokens: 42, cacheReadTokens: 30, cacheWriteTokens: 0, outputTokens: 41 },
    });
  });

  test('a cut at every byte folds the same', () => {
    const whole = foldOf([stream]);
    for (let at = 1; at < stream.length; at++)
      assert.deepEqual(foldOf([stream.subarray(0, at), stream.subarray(at)]), whole, `cut at ${at}`);
  });

  test('ended before message_stop it is an error', () => {
    for (let count = 0; count < events.length; count++)
      assert.throws(() => foldOf(events.slice(0, count).map(chunk)), { code: 'upstream_truncated' });
  });

  test('an exception frame is an error', () => {
    assert.throws(() => foldOf([chunk(events[0] ?? ''), exception]), { code: 'upstream_fault' });
  });

  test('a chunk that is not JSON is malformed', () => {
    assert.throws(() => foldOf([chunk('pier')]), { code: 'upstream_malformed' });
  });
});

describe('relay to a caller of Messages', () => {
  function relay(pieces: readonly Uint8Array[]) {
    const seen: StreamEvent[] = [];
    const reader = endpoint().openRelay(call);
    const emit = (event: StreamEvent): number => seen.push(event);
    const out = pieces.flatMap((piece) => reader.push(piece, emit) ?? []);
    const last = reader.finish(emit);
    return {
      text: Buffer.concat([...out, ...(last === undefined ? [] : [last])]).toString('utf8'),
      seen,
    };
  }
  const expected = events
    .map((event) => event.replace(/,"amazon-bedrock-invocationMetrics":\{.*?\}/, ''))
    .map((event) => `event: ${/"type":"(\w+)"/.exec(event)?.[1]}\ndata: ${event}\n\n`)
    .join('');

  test('each event is passed on as it came, AWS’s metrics taken off', () => {
    const { text, seen } = relay([stream]);
    assert.equal(text, expected);
    assert.match(text, /field_of_tomorrow/);
    assert.doesNotMatch(text, /amazon/);
    assert.equal(seen.at(-1)?.type, 'end');
  });

  test('a cut at any byte changes nothing, and no piece holds half an event', () => {
    for (let at = 1; at < stream.length; at++) {
      const reader = endpoint().openRelay(call);
      const first = reader.push(stream.subarray(0, at), () => undefined);
      const text = first === undefined ? '' : Buffer.from(first).toString('utf8');
      assert.ok(text === '' || text.endsWith('\n\n'));
      assert.ok(expected.startsWith(text));
    }
    assert.equal(relay([...stream].map((byte) => Uint8Array.of(byte))).text, expected);
  });

  test('an exception is told once, and nothing is passed on behind it', () => {
    const { text, seen } = relay([chunk(events[0] ?? ''), exception, ...events.slice(1).map(chunk)]);
    assert.equal(text.split('\n\n').length, 2);
    assert.deepEqual(
      seen.filter((event) => event.type === 'error' || event.type === 'end').map((event) => event.type),
      ['error'],
    );
  });

  test('an Anthropic error event is told and not passed on: the caller gets ours', () => {
    const error = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}';
    const { text, seen } = relay([chunk(events[0] ?? ''), chunk(error)]);
    assert.doesNotMatch(text, /error/);
    const last = seen.at(-1);
    assert.ok(last?.type === 'error');
    assert.equal(last.error.code, 'upstream_overloaded');
  });

  test('what follows message_stop is dropped', () => {
    assert.equal(relay([stream, stream, exception]).text, expected);
  });

  test('a close before the end is a cut', () => {
    const { seen } = relay([stream.subarray(0, stream.length - 5)]);
    const last = seen.at(-1);
    assert.ok(last?.type === 'error');
    assert.equal(last.error.code, 'upstream_truncated');
  });
});
