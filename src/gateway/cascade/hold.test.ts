/** What is held is given as it came or mended, and nothing of it is seen before; what is too long is not held. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerOf } from '../../../test/support/cascade.ts';
import { target } from '../../../test/support/router.ts';
import type { StreamEvent } from '../../core/event.ts';
import { unfold } from '../../core/unfold.ts';
import type { Served, StreamSink } from '../../router/contract.ts';
import { AuditQueue } from './audit-queue.ts';
import { HeldStream } from './hold.ts';
import { Leash } from './leash.ts';

const served: Served = {
  target: target('cheap/one'),
  prepared: {
    body: '',
    headers: {},
    dropped: [],
    relay: false,
    forwarded: { stream: true, streamUsage: true, headers: {} },
  },
  tried: [],
  upstreamHeaders: {},
};

function caller() {
  const seen: string[] = [];
  const sink: StreamSink = {
    closed: false,
    onClose: () => () => {},
    commit: (_served, encode) => seen.push(`commit ${encode}`),
    bytes: (chunk) => seen.push(Buffer.from(chunk).toString()),
    event: (event: StreamEvent) => seen.push(event.type === 'block-delta' ? event.text : event.type),
    flush: () => true,
    onDrain: () => {},
    end: () => seen.push('ended'),
    fail: () => seen.push('failed'),
  };
  return { seen, sink };
}

describe('a held stream', () => {
  test('is given event by event, or another answer in its place', () => {
    for (const [instead, text] of [
      [undefined, 'raw'],
      [answerOf('mended'), 'mended'],
    ] as const) {
      const { seen, sink } = caller();
      const held = new HeldStream(sink);
      held.commit(served, true);
      unfold(answerOf('raw'), (event) => held.event(event));
      held.end();
      assert.deepEqual(seen, [], 'nothing is seen before');
      assert.deepEqual(held.held?.answer, answerOf('raw'));
      held.held?.give(served, instead);
      assert.deepEqual(seen, [
        'commit true',
        'start',
        'block-start',
        text,
        'block-stop',
        'stop',
        'end',
        'ended',
      ]);
    }
  });

  test('that broke, or is longer than is held, is none', () => {
    const broken = new HeldStream(caller().sink);
    broken.commit(served, true);
    broken.event({ type: 'start', id: '1', model: 'm' });
    broken.fail();
    assert.equal(broken.held, undefined);
    const long = new HeldStream(caller().sink);
    long.commit(served, false);
    for (let index = 0; index < 40; index++) long.bytes(new Uint8Array(1_000_000));
    long.end();
    assert.equal(long.held, undefined);
  });
});

describe('calls that only inform', () => {
  test('end with their caller, or when they are cut, and once', () => {
    let hangUp = (): void => {};
    const leash = new Leash((callback) => {
      hangUp = callback;
      return () => {};
    });
    let ended = 0;
    leash.onClose(() => {
      ended += 1;
    });
    const forget = leash.onClose(() => assert.fail('forgotten'));
    forget();
    hangUp();
    leash.cut();
    assert.equal(ended, 1);
    assert.equal(leash.closed, true);
    leash.onClose(() => {
      ended += 1;
    });
    assert.equal(ended, 2, 'whoever comes later hears it at once');
  });
});

describe('the queue of audits', () => {
  const never = (): Promise<void> => new Promise(() => {});

  test('runs four at once, holds so many and so much, and drops the rest', async () => {
    const queue = new AuditQueue();
    let running = 0;
    const go: (() => void)[] = [];
    const run = (): Promise<void> => {
      running += 1;
      return new Promise((resolve) => go.push(resolve));
    };
    for (let index = 0; index < 4 + 256; index++) assert.ok(queue.offer(1, run));
    assert.equal(queue.offer(1, run), false);
    assert.equal(running, 4);
    go[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(running, 5);
    assert.ok(queue.offer(1, run));
    const large = new AuditQueue();
    for (let index = 0; index < 4; index++) large.offer(1, never);
    assert.ok(large.offer(20_000_000, never));
    assert.equal(large.offer(20_000_000, never), false, 'bodies are bounded, not only their number');
  });

  test('drops what waits and ends what runs when the gateway stops', () => {
    const queue = new AuditQueue();
    let told = 0;
    queue.onClose(() => {
      told += 1;
    });
    for (let index = 0; index < 10; index++) queue.offer(1, never);
    queue.close();
    assert.equal(told, 1);
    assert.equal(queue.offer(1, never), false);
    assert.equal(queue.pending, 4);
  });
});
