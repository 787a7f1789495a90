/**
 * Server-sent events, framing only (WHATWG HTML, 9.2.6 "Interpreting an event stream").
 *
 * Splits bytes at blank lines, so a multi-byte character is never cut and a relay can forward exact bytes. Accepts LF,
 * CRLF and CR, boundaries anywhere, several `data:` lines, comments. An event larger than `maxEventBytes` is an error, so a hostile
 * upstream cannot make us buffer without end.
 *
 * Own code rather than a parser package because the relay needs byte positions, which none reports.
 */
import { isAscii } from 'node:buffer';
import { GatewayError } from '../core/errors.ts';
import type { Frame } from '../core/stream.ts';

/** Generated images arrive as one event of some megabytes; twice the largest seen. */
export const maxEventBytes = 16 * 1024 * 1024;

/** Whole events found in the bytes so far. Offsets are byte offsets; `latin1` has one character a byte. */
export interface Blocks {
  readonly bytes: Buffer;
  readonly latin1: string;
  readonly ascii: boolean;
  /** For each event, the offset just after its blank line. */
  readonly ends: readonly number[];
}

export interface SseSplitter {
  push(chunk: Uint8Array): Blocks;
  /** What is left when the upstream closes without a last blank line. */
  rest(): Blocks;
}

const anyBlankLine = /\r\n\r\n|\n\r\n|\r\n\n|\n\n|\r\r(?!\n)/g;
const nothing: Blocks = { bytes: Buffer.alloc(0), latin1: '', ascii: true, ends: [] };

export function createSseSplitter(limitBytes: number = maxEventBytes): SseSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;

  function push(chunk: Uint8Array): Blocks {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!view.includes(0x0a) && !view.includes(0x0d)) {
      // Nothing can end here: keep the piece unjoined, so that a trickle costs no copying.
      hold(Buffer.from(view));
      return nothing;
    }
    const bytes = heldBytes === 0 ? view : Buffer.concat([...held, view]);
    const latin1 = bytes.toString('latin1');
    const ends = findEnds(latin1);
    held = [];
    heldBytes = 0;
    const whole = ends.at(-1) ?? 0;
    // A copy of the tail: holding a view would keep the whole read alive.
    if (whole < bytes.length) hold(Buffer.from(bytes.subarray(whole)));
    return ends.length === 0 ? nothing : { bytes, latin1, ascii: isAscii(bytes), ends };
  }

  function hold(tail: Buffer): void {
    heldBytes += tail.length;
    if (heldBytes > limitBytes) throw tooLarge(limitBytes);
    held.push(tail);
  }

  function rest(): Blocks {
    if (heldBytes === 0) return nothing;
    const bytes = Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return { bytes, latin1: bytes.toString('latin1'), ascii: isAscii(bytes), ends: [bytes.length] };
  }

  return { push, rest };
}

function findEnds(latin1: string): number[] {
  const ends: number[] = [];
  if (!latin1.includes('\r')) {
    for (let at = latin1.indexOf('\n\n'); at >= 0; at = latin1.indexOf('\n\n', at + 2)) ends.push(at + 2);
    return ends;
  }
  // A trailing CR may be the first half of a CRLF: leave it for the next read.
  const searchable = latin1.endsWith('\r') ? latin1.slice(0, -1) : latin1;
  for (const match of searchable.matchAll(anyBlankLine)) ends.push(match.index + match[0].length);
  return ends;
}

/** Text of the event between two offsets, decoded as UTF-8. */
export function blockText(blocks: Blocks, start: number, end: number): string {
  return blocks.ascii ? blocks.latin1.slice(start, end) : blocks.bytes.toString('utf8', start, end);
}

/**
 * Reads one event's text. `undefined` for comments and empty events. A block that holds bare JSON and no field at all is
 * taken as data: Gemini ends a failing stream with an error object that has no `data:` in front.
 */
export function parseSseBlock(text: string): Frame | undefined {
  let name = '';
  let data: string | undefined;
  let bare = '';
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length) {
    const end = lineEnd(text, at);
    if (text.startsWith('data:', at)) {
      const line = text.slice(text.charCodeAt(at + 5) === 0x20 ? at + 6 : at + 5, end);
      data = data === undefined ? line : `${data}\n${line}`;
    } else if (text.startsWith('event:', at)) {
      name = text.slice(text.charCodeAt(at + 6) === 0x20 ? at + 7 : at + 6, end);
    } else {
      bare += `${text.slice(at, end)}\n`;
    }
    at = end + (text.charCodeAt(end) === 0x0d && text.charCodeAt(end + 1) === 0x0a ? 2 : 1);
  }
  if (data !== undefined) return { name, data };
  const trimmed = bare.trim();
  if (trimmed.startsWith('{') || trimmed.startsWith('[')) return { name, data: trimmed };
  return undefined;
}

function lineEnd(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  const end = newline < 0 ? text.length : newline;
  const carriageReturn = text.indexOf('\r', from);
  return carriageReturn >= 0 && carriageReturn < end ? carriageReturn : end;
}

/** Writes one event. `name` is left out where the dialect has no `event:` lines. */
export function writeSse(data: string, name?: string): string {
  return name === undefined ? `data: ${data}\n\n` : `event: ${name}\ndata: ${data}\n\n`;
}

function tooLarge(limitBytes: number): GatewayError {
  return new GatewayError(
    'upstream_malformed',
    `The provider sent a stream event of over ${limitBytes} bytes.`,
  );
}
