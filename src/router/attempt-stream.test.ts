import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock, settle } from '../../test/support/clock.ts';
import { call, endpoint, model, type Sent, scriptedUpstream, target } from '../../test/support/router.ts';
import { GatewayError } from '../core/errors.ts';
import type { Outcome } from './attempt.ts';
import { attemptStream } from './attempt-stream.ts';
import type { StreamSink } from './contract.ts';

function recordingSink() {
  const watchers = new Set<() => void>();
  const log: string[] = [];
  let drain: (() => void) | undefined;
  const sink = {
    closed: false,
    full: false,
    log,
    onClose(callback: () => void) {
      watchers.add(callback);
      return () => {
        watchers.delete(callback);
      };
    },
    commit: (_served: unknown, encode: boolean) => void log.push(encode ? 'commit encoded' : 'commit'),
    bytes: (chunk: Uint8Array) =>
      void log.push(Buffer.from(chunk).toString().replaceAll('data: ', '').replaceAll('\n\n', ';')),
    event: (event: { type: string; text?: string }) =>
      void log.push(event.type === 'block-delta' ? `+${event.text}` : event.type),
    flush: () => !sink.full,
    onDrain: (callback: () => void) => {
      drain = callback;
    },
    drain: () => drain?.(),
    end: () => void log.push('end.'),
    fail: (error: GatewayError) => void log.push(`fail ${error.code}`),
    hangUp: () => {
      for (const watcher of [...watchers]) watcher();
    },
  };
  return sink satisfies StreamSink & object;
}

describe('a streamed attempt', () => {
  let clock: FakeClock;
  let sink: ReturnType<typeof recordingSink>;
  let upstream: ReturnType<typeof scriptedUpstream>;
  let outcome: Outcome | undefined;

  beforeEach(() => {
    clock = createFakeClock();
    sink = recordingSink();
    upstream = scriptedUpstream();
    outcome = undefined;
  });
  afterEach(() => assert.equal(clock.pending(), 0, 'a timer was left behind'));

  function start(relay = true): Sent {
    const prepared = {
      body: '{}',
      headers: {},
      dropped: [],
      relay,
      forwarded: { stream: true, streamUsage: true, headers: {} },
    };
    const input = {
      call: call({ prepare: () => prepared }),
      target: target('a/1'),
      strict: false,
      tried: [],
      remainingMs: 60_000,
    };
    void attemptStream({ upstream, clock }, input, endpoint(model()), sink).then((value) => {
      outcome = value;
    });
    const sent = upstream.sent[0];
    assert.ok(sent);
    return sent;
  }
  const head = (sent: Sent, type = 'text/event-stream'): void =>
    sent.receiver.onHead(200, { 'content-type': type });
  const say = (sent: Sent, ...frames: string[]): void =>
    sent.receiver.onData(Buffer.from(frames.map((frame) => `data: ${frame}\n\n`).join('')));
  const failedWith = (code: string): void => {
    assert.equal(outcome?.kind, 'failed');
    assert.equal(outcome?.kind === 'failed' && outcome.error.code, code);
    assert.deepEqual(sink.log, [], 'the caller saw something');
  };

  test('commits at the first content and relays from there', async () => {
    const sent = start();
    head(sent);
    say(sent, 'ping');
    assert.deepEqual(sink.log, []);
    say(sent, 'text:a', 'text:b');
    say(sent, 'end');
    await settle();
    assert.deepEqual(sink.log, ['commit', 'ping;', 'text:a;text:b;', 'end;', 'end.']);
    assert.equal(outcome?.kind, 'served');
    sent.receiver.onEnd();
    assert.equal(sent.aborted, false, 'the rest may be read, so that the connection can be used again');
  });

  test('translates event by event when the protocols differ', async () => {
    const sent = start(false);
    head(sent);
    say(sent, 'text:a', 'text:b', 'end');
    await settle();
    assert.deepEqual(sink.log, ['commit encoded', 'start', 'block-start', '+a', '+b', 'end', 'end.']);
    sent.receiver.onEnd();
  });

  test('a refusal moves on, its body read', async () => {
    const sent = start();
    sent.receiver.onHead(500, {});
    sent.receiver.onData(Buffer.from('{}'));
    sent.receiver.onEnd();
    await settle();
    failedWith('upstream_fault');
  });

  test('an error inside a 200 before content moves on', async () => {
    const sent = start();
    head(sent);
    say(sent, 'ping', 'error');
    await settle();
    failedWith('upstream_overloaded');
    assert.ok(sent.aborted);
  });

  test('an error in the same read as the first content moves on too', async () => {
    const sent = start();
    head(sent);
    say(sent, 'text:a', 'error');
    await settle();
    failedWith('upstream_overloaded');
  });

  test('a first token that does not come moves on', async () => {
    const sent = start();
    head(sent);
    say(sent, 'ping');
    await clock.advance(8_000);
    failedWith('upstream_timeout');
    assert.ok(sent.aborted);
  });

  test('a malformed first event moves on', async () => {
    const sent = start();
    head(sent);
    say(sent, 'what?');
    await settle();
    failedWith('upstream_malformed');
  });

  test('a clean end without content or terminal moves on', async () => {
    const sent = start();
    head(sent);
    sent.receiver.onEnd();
    await settle();
    failedWith('upstream_truncated');
  });

  for (const [what, broken, code] of [
    [
      'a cut',
      (sent: Sent) => sent.receiver.onError(new GatewayError('upstream_truncated', 'reset')),
      'upstream_truncated',
    ],
    [
      'a stall',
      (sent: Sent) => sent.receiver.onError(new GatewayError('upstream_timeout', 'silent')),
      'upstream_timeout',
    ],
    ['an end without terminal', (sent: Sent) => sent.receiver.onEnd(), 'upstream_truncated'],
    ['a malformed event', (sent: Sent) => say(sent, 'what?'), 'upstream_malformed'],
    ['an error event', (sent: Sent) => say(sent, 'error'), 'upstream_overloaded'],
  ] as const) {
    for (const relay of [true, false]) {
      test(`${what} after content is told as an error, never as an end (${relay ? 'relayed' : 'translated'})`, async () => {
        const sent = start(relay);
        head(sent);
        say(sent, 'text:a');
        broken(sent);
        await settle();
        assert.equal(sink.log.at(-1), `fail ${code}`);
        assert.ok(!sink.log.includes('end.') && !sink.log.includes('end'));
        assert.equal(outcome?.kind, 'cut');
      });
    }
  }

  test('the whole attempt has its time, too', async () => {
    const sent = start();
    head(sent);
    say(sent, 'text:a');
    await clock.advance(60_000);
    assert.equal(sink.log.at(-1), 'fail upstream_timeout');
    assert.ok(sent.aborted);
  });

  test('a caller who hangs up aborts the upstream at once', async () => {
    const sent = start();
    head(sent);
    say(sent, 'text:a');
    sink.hangUp();
    await settle();
    assert.ok(sent.aborted);
    assert.equal(outcome?.kind, 'client-closed');
  });

  test('a slow caller holds the upstream back until it has drained', async () => {
    const sent = start();
    head(sent);
    sink.full = true;
    say(sent, 'text:a');
    assert.ok(sent.paused);
    sink.full = false;
    sink.drain();
    assert.ok(!sent.paused);
    say(sent, 'end');
    await settle();
    assert.equal(outcome?.kind, 'served');
    sent.receiver.onEnd();
  });

  test('an upstream that answers a stream with whole JSON is told as events', async () => {
    const sent = start();
    head(sent, 'application/json');
    sent.receiver.onData(Buffer.from('{}'));
    sent.receiver.onEnd();
    await settle();
    assert.deepEqual(sink.log, ['commit encoded', 'end', 'end.']);
  });

  test('a stream that never says anything is given up at a bound', async () => {
    const sent = start();
    head(sent);
    for (let count = 0; count < 5000 && outcome === undefined; count++) {
      sent.receiver.onData(Buffer.from(`: ${'x'.repeat(1100)}\n\n`));
      await settle();
    }
    failedWith('upstream_malformed');
  });
});
