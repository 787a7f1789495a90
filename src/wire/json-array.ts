/**
 * A JSON array that arrives in pieces, framing only: finds where each top-level object of `[{…},{…}]` ends, without parsing it.
 * Google streams so where nobody asked for SSE. An element larger than the limit is an error, so a hostile upstream cannot make us
 * buffer without end. The array's own syntax is not checked: whoever parses the elements checks them.
 */
import { GatewayError } from '../core/errors.ts';
import { maxEventBytes } from './sse.ts';

export interface JsonArraySplitter {
  /** The text of every element that these bytes complete. */
  push(chunk: Uint8Array): readonly string[];
  /** True once the array's closing bracket was seen. */
  closed(): boolean;
}

const quote = 0x22;
const backslash = 0x5c;

export function createJsonArraySplitter(limitBytes: number = maxEventBytes): JsonArraySplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** 0 outside the array, 1 between elements, 2 and more inside one. */
  let depth = 0;
  let inString = false;
  let escaped = false;
  let closed = false;

  /** Follows one byte; true where it ends an element. */
  function follow(byte: number): boolean {
    if (inString) {
      if (escaped) escaped = false;
      else if (byte === backslash) escaped = true;
      else if (byte === quote) inString = false;
      return false;
    }
    if (byte === quote) inString = true;
    else if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) {
      depth -= 1;
      if (depth === 0) closed = true;
      return depth === 1;
    }
    return false;
  }

  function hold(bytes: Buffer): void {
    if (bytes.length === 0) return;
    heldBytes += bytes.length;
    if (heldBytes > limitBytes)
      throw new GatewayError(
        'upstream_malformed',
        `The provider sent a stream element of over ${limitBytes} bytes.`,
      );
    // A copy: holding a view would keep the whole read alive.
    held.push(Buffer.from(bytes));
  }

  function take(): string {
    const text = Buffer.concat(held).toString('utf8');
    held = [];
    heldBytes = 0;
    return text;
  }

  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const elements: string[] = [];
      let from = depth >= 2 ? 0 : -1;
      for (let at = 0; at < bytes.length && !closed; at++) {
        const before = depth;
        const ends = follow(bytes[at] ?? 0);
        if (before === 1 && depth === 2) from = at;
        if (!ends) continue;
        hold(bytes.subarray(Math.max(0, from), at + 1));
        elements.push(take());
        from = -1;
      }
      if (from >= 0) hold(bytes.subarray(from));
      return elements;
    },
    closed: () => closed,
  };
}
