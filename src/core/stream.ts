/**
 * From wire bytes to events. A family supplies a `FrameDecoder` (what a frame means); framing (`wire/`) supplies the rest.
 */
import type { Emit } from './event.ts';

/** One message of a stream once its framing is off: an SSE event, an AWS event-stream message, an array element. */
export interface Frame {
  /** The SSE `event:` or AWS `:event-type`; empty where there is none. */
  readonly name: string;
  /** Text, as a rule JSON. */
  readonly data: string;
}

/**
 * What a family knows: frames to events. Emits `end` exactly once, and only when the answer was terminal: at the
 * terminal frame, or in `finish` when the protocol's terminal frame is optional and the answer was complete
 * without it. Throws `GatewayError('upstream_malformed')` at a frame it cannot read. Must ignore frames after `end`.
 */
export interface FrameDecoder {
  frame(frame: Frame, emit: Emit): void;
  /** The upstream closed cleanly. */
  finish(emit: Emit): void;
}

/** Bytes to events. After `finish`, exactly one of `end` and `error` was emitted. `push` may throw a `GatewayError`. */
export interface StreamReader {
  push(chunk: Uint8Array, emit: Emit): void;
  finish(emit: Emit): void;
}

/**
 * Bytes through, watched. What is returned holds whole, well-formed events only, so that the caller never sees half of
 * one. Emits events as a reader does, but may leave out deltas that only add text once content has been emitted.
 */
export interface StreamRelay {
  /** Characters of text in the deltas that were left out so far. */
  readonly skippedChars: number;
  push(chunk: Uint8Array, emit: Emit): Uint8Array | undefined;
  /** The last bytes to forward, if the upstream left a whole event unterminated. */
  finish(emit: Emit): Uint8Array | undefined;
}
