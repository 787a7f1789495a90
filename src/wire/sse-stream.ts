/**
 * SSE bytes to events (`readSse`), and SSE bytes through while watching (`relaySse`), over any family's frame decoder.
 *
 * The relay forwards whole events only. After the first content it no longer parses events that differ from the last
 * parsed delta in nothing but one JSON string: parsing each chunk would double the cost of a stream. Everything
 * else is parsed, so a stop, usage, an error or a malformed chunk is always seen.
 */
import { GatewayError } from '../core/errors.ts';
import type { Emit, StreamEvent } from '../core/event.ts';
import type { FrameDecoder, StreamReader, StreamRelay } from '../core/stream.ts';
import { type Blocks, blockText, createSseSplitter, parseSseBlock } from './sse.ts';
import { createSkip } from './sse-skip.ts';

/** Emits `error` unless the decoder emitted its terminal: a clean close without one is a cut. */
export function guardTerminal(decoder: FrameDecoder): FrameDecoder {
  let over = false;
  const watch =
    (emit: Emit): Emit =>
    (event) => {
      if (event.type === 'end' || event.type === 'error') over = true;
      emit(event);
    };
  return {
    frame(frame, emit) {
      if (!over) decoder.frame(frame, watch(emit));
    },
    finish(emit) {
      if (over) return;
      decoder.finish(watch(emit));
      if (over) return;
      over = true;
      emit({ type: 'error', error: truncated() });
    },
  };
}

export function readSse(family: FrameDecoder): StreamReader {
  const splitter = createSseSplitter();
  const decoder = guardTerminal(family);
  const each = (blocks: Blocks, emit: Emit): void => {
    let start = 0;
    for (const end of blocks.ends) {
      const frame = parseSseBlock(blockText(blocks, start, end));
      if (frame !== undefined) decoder.frame(frame, emit);
      start = end;
    }
  };
  return {
    push: (chunk, emit) => each(splitter.push(chunk), emit),
    finish(emit) {
      readRest(() => each(splitter.rest(), emit));
      decoder.finish(emit);
    },
  };
}

export interface RelayOptions {
  /** True for an event that the caller did not ask for (a usage chunk that we requested); it is read, not forwarded. */
  readonly drop?: (data: string) => boolean;
  /** JSON fields whose string value is noise in every chunk, such as OpenAI's `obfuscation`. */
  readonly noise?: readonly string[];
}

export function relaySse(family: FrameDecoder, options: RelayOptions = {}): StreamRelay {
  const splitter = createSseSplitter();
  const decoder = guardTerminal(family);
  const skip = createSkip(options.noise ?? []);

  /** Reads one event; false when it must not be forwarded. */
  function read(blocks: Blocks, start: number, end: number, emit: Emit): boolean {
    if (skip.matches(blocks.latin1, start, end)) return true;
    const frame = parseSseBlock(blockText(blocks, start, end));
    if (frame === undefined) return true;
    const seen: StreamEvent[] = [];
    decoder.frame(frame, (event) => {
      seen.push(event);
      emit(event);
    });
    const first = seen[0];
    if (seen.length === 1 && first?.type === 'block-delta' && first.text !== '') {
      skip.learn(blocks.latin1.slice(start, end), first.text);
    }
    if (seen.some((event) => event.type === 'error')) return false;
    return options.drop?.(frame.data) !== true;
  }

  function forward(blocks: Blocks, emit: Emit): Uint8Array | undefined {
    const kept: Buffer[] = [];
    let start = 0;
    let keptFrom = 0;
    for (const end of blocks.ends) {
      if (!read(blocks, start, end, emit)) {
        if (start > keptFrom) kept.push(blocks.bytes.subarray(keptFrom, start));
        keptFrom = end;
      }
      start = end;
    }
    const whole = start > keptFrom ? blocks.bytes.subarray(keptFrom, start) : undefined;
    if (kept.length === 0) return whole;
    if (whole !== undefined) kept.push(whole);
    return kept.length === 1 ? kept[0] : Buffer.concat(kept);
  }

  return {
    get skippedChars() {
      return skip.skippedChars;
    },
    push: (chunk, emit) => forward(splitter.push(chunk), emit),
    finish(emit) {
      const last = readRest(() => forward(splitter.rest(), emit));
      decoder.finish(emit);
      // The upstream left its last event unterminated: end it, so that ours stays well-formed.
      return last === undefined ? undefined : Buffer.concat([last, Buffer.from('\n\n')]);
    },
  };
}

/** An unterminated last event that cannot be read is what a cut looks like. */
function readRest<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'upstream_malformed') throw truncated();
    throw thrown;
  }
}

function truncated(): GatewayError {
  return new GatewayError('upstream_truncated', 'The provider’s stream ended before its terminal event.');
}
