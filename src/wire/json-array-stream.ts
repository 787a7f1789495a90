/** A streamed JSON array to events, and a reader for upstreams that may send either it or SSE. */
import type { Emit } from '../core/event.ts';
import type { FrameDecoder, StreamReader } from '../core/stream.ts';
import { createJsonArraySplitter } from './json-array.ts';
import { guardTerminal, readSse } from './sse-stream.ts';

export function readJsonArray(family: FrameDecoder): StreamReader {
  const splitter = createJsonArraySplitter();
  const decoder = guardTerminal(family);
  return {
    push(chunk, emit) {
      for (const data of splitter.push(chunk)) decoder.frame({ name: '', data }, emit);
    },
    // An array that never closed was cut, unless its elements already said that the answer is complete.
    finish: (emit) => decoder.finish(emit),
  };
}

const openBracket = 0x5b;

/** The first byte that is no white space tells them apart: an SSE stream never begins with a bracket. */
export function readArrayOrSse(family: FrameDecoder): StreamReader {
  let reader: StreamReader | undefined;
  return {
    push(chunk: Uint8Array, emit: Emit) {
      if (reader === undefined) {
        const first = chunk.find((byte) => byte > 0x20);
        if (first === undefined) return;
        reader = first === openBracket ? readJsonArray(family) : readSse(family);
      }
      reader.push(chunk, emit);
    },
    finish(emit) {
      (reader ?? readSse(family)).finish(emit);
    },
  };
}
