import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import type { StreamEvent } from '../core/event.ts';
import type { FrameDecoder } from '../core/stream.ts';
import {
  type AwsMessage,
  createAwsSplitter,
  readAwsEventStream,
  writeAwsError,
  writeAwsException,
  writeAwsFrame,
} from './aws-event-stream.ts';

const stream = Buffer.concat([
  writeAwsFrame('first', { text: 'pier — 7' }),
  writeAwsFrame('second', {}),
  writeAwsException('throttlingException', { message: 'slow down' }),
  writeAwsError('InternalError', 'something broke'),
]);

const messages: readonly AwsMessage[] = [
  { name: 'first', failed: false, data: '{"text":"pier — 7"}' },
  { name: 'second', failed: false, data: '{}' },
  { name: 'throttlingException', failed: true, data: '{"message":"slow down"}' },
  { name: 'InternalError', failed: true, data: '{"message":"something broke"}' },
];

function isMalformed(thrown: unknown): boolean {
  return thrown instanceof GatewayError && thrown.code === 'upstream_malformed';
}

describe('splitting frames', () => {
  test('a stream in one piece is its messages', () => {
    assert.deepEqual(createAwsSplitter().push(stream), messages);
  });

  test('a cut at any byte changes nothing', () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const splitter = createAwsSplitter();
      const seen = [...splitter.push(stream.subarray(0, cut)), ...splitter.push(stream.subarray(cut))];
      assert.deepEqual(seen, messages, `cut at ${cut}`);
    }
  });

  test('bytes one at a time change nothing', () => {
    const splitter = createAwsSplitter();
    const seen = [...stream].flatMap((byte) => splitter.push(Uint8Array.of(byte)));
    assert.deepEqual(seen, messages);
  });

  test('a reused read buffer does not change what is held', () => {
    const splitter = createAwsSplitter();
    const buffer = Buffer.from(stream.subarray(0, 50));
    assert.deepEqual(splitter.push(buffer), []);
    buffer.fill(0);
    assert.deepEqual(splitter.push(stream.subarray(50)), messages);
  });

  test('one flipped bit anywhere in a frame is an error', () => {
    const frame = writeAwsFrame('first', { text: 'pier' });
    for (let index = 0; index < frame.length; index++) {
      const broken = Buffer.from(frame);
      broken[index] = (broken[index] ?? 0) ^ 0x10;
      assert.throws(() => createAwsSplitter().push(broken), isMalformed, `bit flipped in byte ${index}`);
    }
  });

  test('a broken length is refused at the prelude, before its bytes come', () => {
    const broken = Buffer.from(stream.subarray(0, 12));
    broken.writeUInt32BE(9_000_000, 0);
    assert.throws(() => createAwsSplitter().push(broken), isMalformed);
  });

  test('a frame over the limit is refused before it is buffered', () => {
    const frame = writeAwsFrame('first', { text: 'x'.repeat(2000) });
    assert.throws(() => createAwsSplitter(1000).push(frame.subarray(0, 12)), isMalformed);
    assert.equal(createAwsSplitter(4000).push(frame).length, 1);
  });
});

/** Each `text` frame is a delta; `stop` is terminal. */
function family(): FrameDecoder {
  return {
    frame(frame, emit) {
      if (frame.name === 'stop') emit({ type: 'end' });
      else emit({ type: 'block-delta', index: 0, text: frame.data });
    },
    finish() {
      // `stop` is not optional in this protocol.
    },
  };
}

function read(bytes: Buffer, unwrap?: (message: AwsMessage) => { name: string; data: string } | undefined) {
  const events: StreamEvent[] = [];
  const reader = readAwsEventStream(family(), {
    readFailure: ({ name }) => new GatewayError('rate_limited', name),
    ...(unwrap === undefined ? {} : { unwrap }),
  });
  reader.push(bytes, (event) => events.push(event));
  reader.finish((event) => events.push(event));
  return events.map((event) => (event.type === 'error' ? event.error.code : event.type));
}

describe('reading a stream', () => {
  const text = writeAwsFrame('text', {});
  const stop = writeAwsFrame('stop', {});
  const exception = writeAwsException('throttlingException', {});
  const table: readonly (readonly [string, readonly Buffer[], readonly string[]])[] = [
    ['a terminal frame ends it', [text, stop], ['block-delta', 'end']],
    ['a close before the terminal frame is a cut', [text], ['block-delta', 'upstream_truncated']],
    ['a close inside a frame is a cut', [text, stop.subarray(0, 20)], ['block-delta', 'upstream_truncated']],
    ['nothing at all is a cut', [], ['upstream_truncated']],
    ['an exception ends it', [text, exception, text, stop], ['block-delta', 'rate_limited']],
    ['what follows the end is ignored', [stop, exception, text], ['end']],
  ];
  for (const [name, frames, expected] of table) {
    test(name, () => assert.deepEqual(read(Buffer.concat(frames)), expected));
  }

  test('a wrapping is taken off, and a message may be skipped', () => {
    const seen = read(Buffer.concat([text, stop]), (message) =>
      message.name === 'text' ? undefined : { name: 'stop', data: '' },
    );
    assert.deepEqual(seen, ['end']);
  });
});
