/**
 * `application/vnd.amazon.eventstream`, framing only: what Bedrock streams in.
 *
 * A frame is a prelude (two lengths and their CRC), headers, a payload and a CRC over it all. AWS's own codec reads and writes
 * whole frames; finding their ends in bytes that arrive in any pieces is done here. The prelude's CRC is checked as soon
 * as its twelve bytes are there, so that a broken length is an error at once and not a wait for bytes that never come. A frame
 * over `maxFrameBytes` is refused before it is buffered.
 */
import { crc32 } from 'node:zlib';
import { EventStreamCodec } from '@smithy/eventstream-codec';
import { fromUtf8, toUtf8 } from '@smithy/util-utf8';
import { GatewayError } from '../core/errors.ts';
import type { Emit } from '../core/event.ts';
import type { Frame, FrameDecoder, StreamReader } from '../core/stream.ts';
import { guardTerminal } from './sse-stream.ts';

/** AWS's own limit for a message is 16 MB. */
export const maxFrameBytes = 16 * 1024 * 1024;
const preludeBytes = 12;
/** Prelude and the message's own CRC: a frame without headers and payload. */
const leastFrameBytes = 16;

const codec = new EventStreamCodec(toUtf8, fromUtf8);

export interface AwsMessage {
  /** `:event-type`; `:exception-type` or `:error-code` where `failed` is true. */
  readonly name: string;
  /** `:message-type` was `exception` or `error`: the stream ends here. */
  readonly failed: boolean;
  /** The payload as text, JSON as a rule; for `error` frames, which have none, `{message}` of their header. */
  readonly data: string;
}

export interface AwsSplitter {
  /** The whole messages that these bytes complete. Throws `upstream_malformed` at a wrong checksum or length. */
  push(chunk: Uint8Array): readonly AwsMessage[];
}

export function createAwsSplitter(limitBytes: number = maxFrameBytes): AwsSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Bytes needed before anything more can be read: a prelude, then its frame. */
  let wanted = preludeBytes;

  function push(chunk: Uint8Array): readonly AwsMessage[] {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (heldBytes + view.length < wanted) {
      // Kept unjoined, so that a trickle costs no copying of what came before.
      hold(Buffer.from(view));
      return [];
    }
    const bytes = heldBytes === 0 ? view : Buffer.concat([...held, view]);
    held = [];
    heldBytes = 0;
    const messages: AwsMessage[] = [];
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      wanted = left < preludeBytes ? preludeBytes : frameLength(bytes, at, limitBytes);
      if (left < wanted) break;
      messages.push(decode(bytes.subarray(at, at + wanted)));
      at += wanted;
    }
    // A copy of the tail: holding a view would keep the whole read alive.
    if (at < bytes.length) hold(Buffer.from(bytes.subarray(at)));
    return messages;
  }

  function hold(tail: Buffer): void {
    held.push(tail);
    heldBytes += tail.length;
  }

  return { push };
}

function frameLength(bytes: Buffer, at: number, limitBytes: number): number {
  if (crc32(bytes.subarray(at, at + 8)) !== bytes.readUInt32BE(at + 8))
    throw malformed('a stream frame whose first checksum is wrong');
  const length = bytes.readUInt32BE(at);
  if (length < leastFrameBytes || length > limitBytes) throw malformed(`a stream frame of ${length} bytes`);
  return length;
}

function decode(frame: Buffer): AwsMessage {
  let message: ReturnType<EventStreamCodec['decode']>;
  try {
    message = codec.decode(frame);
  } catch (cause) {
    throw malformed('a stream frame whose checksum or headers are wrong', cause);
  }
  const header = (name: string): string => {
    const value = message.headers[name]?.value;
    return typeof value === 'string' ? value : '';
  };
  const data = Buffer.from(message.body).toString('utf8');
  switch (header(':message-type')) {
    case 'exception':
      return { name: header(':exception-type'), failed: true, data };
    case 'error':
      return {
        name: header(':error-code'),
        failed: true,
        data: JSON.stringify({ message: header(':error-message') }),
      };
    default:
      return { name: header(':event-type'), failed: false, data };
  }
}

export interface AwsStreamOptions {
  /** What an exception or error frame means. */
  readonly readFailure: (message: AwsMessage) => GatewayError;
  /** Takes a transport's wrapping off; `undefined` skips the message. */
  readonly unwrap?: (message: AwsMessage) => Frame | undefined;
}

/** AWS event-stream bytes to events, over any family's frame decoder. */
export function readAwsEventStream(family: FrameDecoder, options: AwsStreamOptions): StreamReader {
  const splitter = createAwsSplitter();
  const each = decodeAwsMessages(family, options);
  return {
    push(chunk, emit) {
      for (const message of splitter.push(chunk)) each.message(message, emit);
    },
    finish: each.finish,
  };
}

/**
 * Messages to events, one terminal at most: what follows an `end` or an `error` is ignored, an exception frame included. Answers with the
 * frame that was read, for a relay to forward; `undefined` where there is nothing to forward.
 */
export function decodeAwsMessages(
  family: FrameDecoder,
  { readFailure, unwrap }: AwsStreamOptions,
): { message(message: AwsMessage, emit: Emit): Frame | undefined; finish(emit: Emit): void } {
  let over = false;
  const decoder = guardTerminal(family);
  return {
    message(message, emit) {
      if (over) return undefined;
      if (message.failed) {
        over = true;
        emit({ type: 'error', error: readFailure(message) });
        return undefined;
      }
      const frame = unwrap === undefined ? message : unwrap(message);
      if (frame === undefined) return undefined;
      let failed = false;
      decoder.frame(frame, (event) => {
        if (event.type === 'end' || event.type === 'error') over = true;
        if (event.type === 'error') failed = true;
        emit(event);
      });
      return failed ? undefined : frame;
    },
    finish(emit) {
      if (!over) decoder.finish(emit);
    },
  };
}

/** One `event` frame with a JSON payload. */
export function writeAwsFrame(eventType: string, payload: object): Buffer {
  return write(
    { ':message-type': 'event', ':event-type': eventType, ':content-type': 'application/json' },
    payload,
  );
}

/** One `exception` frame: how AWS ends a stream that failed. */
export function writeAwsException(exceptionType: string, payload: object): Buffer {
  return write(
    { ':message-type': 'exception', ':exception-type': exceptionType, ':content-type': 'application/json' },
    payload,
  );
}

/** One `error` frame: an unmodelled failure, told in headers alone. */
export function writeAwsError(code: string, message: string): Buffer {
  return write({ ':message-type': 'error', ':error-code': code, ':error-message': message });
}

function write(headers: Readonly<Record<string, string>>, payload?: object): Buffer {
  const encoded = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, { type: 'string' as const, value }]),
  );
  const body = payload === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(payload));
  return Buffer.from(codec.encode({ headers: encoded, body }));
}

function malformed(what: string, cause?: unknown): GatewayError {
  return new GatewayError(
    'upstream_malformed',
    `The provider sent ${what}.`,
    cause === undefined ? {} : { cause },
  );
}
