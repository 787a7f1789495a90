/**
 * Reads the top level of a JSON object without building its tree, and edits it in place.
 *
 * Pass-through needs a handful of fields of a body that may be large; parsing it all costs more than everything else the gateway
 * does. The scan checks UTF-8, brackets, strings and depth; it does not check numbers and words inside nested values:
 * whoever parses the body does.
 */
import { isUtf8 } from 'node:buffer';
import type { BodyEdits, ScannedBody, Span } from '../core/body.ts';
import { GatewayError } from '../core/errors.ts';

/** Deeper than any real request; JSON.parse would take thousands, and so would an attacker. */
export const maxDepth = 128;

/** Longer values are read from the bytes. */
const shortField = 256;

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Throws `invalid_request` naming what is wrong and where. */
export function scanBody(bytes: Buffer): ScannedBody {
  if (!isUtf8(bytes)) throw invalid('The body is not valid UTF-8.');
  const latin1 = bytes.toString('latin1');
  const fields = new Map<string, Span>();
  const scan: Scan = { what: 'body', bytes, latin1, offset: 0, fields };
  const start = skipSpace(latin1, latin1.startsWith(mark) ? mark.length : 0);
  expectEnd(scan, scanObject(scan, start));
  return { bytes, latin1, fields };
}

/** An object, and one of its members that is an object too, both read in one pass: a line of a batch and the request in it. */
export interface ScannedPair {
  readonly outer: ScannedBody;
  /** Absent: there is no such member, or it is no object. */
  readonly inner?: ScannedBody;
}

/** `what` names the whole in messages (`line`). A byte order mark is refused: what follows it was written by something that does not write lines. */
export function scanPair(bytes: Buffer, innerKey: string, what: string): ScannedPair {
  if (!isUtf8(bytes)) throw invalid(`The ${what} is not valid UTF-8.`);
  const latin1 = bytes.toString('latin1');
  if (latin1.startsWith(mark))
    throw invalid(`The ${what} begins with a byte order mark; write the file as UTF-8 without one.`);
  const scan: Scan = { what, bytes, latin1, offset: 0, fields: new Map(), innerKey };
  expectEnd(scan, scanObject(scan, skipSpace(latin1, 0)));
  const outer = { bytes, latin1, fields: scan.fields };
  return scan.inner === undefined ? { outer } : { outer, inner: scan.inner };
}

/** The UTF-8 byte order mark, one character a byte. */
const mark = '\u00ef\u00bb\u00bf';

interface Scan {
  readonly what: string;
  readonly bytes: Buffer;
  readonly latin1: string;
  /** Where the object begins; its spans count from there. */
  readonly offset: number;
  readonly fields: Map<string, Span>;
  readonly innerKey?: string;
  inner?: ScannedBody;
}

/** Reads an object's members; returns the offset after its closing brace. */
function scanObject(scan: Scan, from: number): number {
  const { what, latin1, offset, fields } = scan;
  if (latin1.charCodeAt(from) !== 0x7b) throw notAnObject(what, latin1, from);
  let at = skipSpace(latin1, from + 1);
  if (latin1.charCodeAt(at) === 0x7d) return at + 1;
  for (;;) {
    const keyStart = at;
    if (latin1.charCodeAt(at) !== 0x22) throw invalidAt('a key in double quotes', at, what);
    const keyEnd = skipString(latin1, at, what);
    const key = readKey(scan, keyStart, keyEnd);
    at = skipSpace(latin1, keyEnd);
    if (latin1.charCodeAt(at) !== 0x3a) throw invalidAt('":"', at, what);
    const start = skipSpace(latin1, at + 1);
    const opens = key === scan.innerKey && latin1.charCodeAt(start) === 0x7b;
    const end = opens ? scanInner(scan, start) : skipValue(latin1, start, what);
    if (fields.has(key)) throw invalid(`The ${what} has the key ${JSON.stringify(key.slice(0, 100))} twice.`);
    fields.set(key, { keyStart: keyStart - offset, start: start - offset, end: end - offset });
    at = skipSpace(latin1, end);
    const code = latin1.charCodeAt(at);
    if (code === 0x7d) return at + 1;
    if (code !== 0x2c) throw invalidAt('"," or "}"', at, what);
    at = skipSpace(latin1, at + 1);
  }
}

function scanInner(scan: Scan, from: number): number {
  const { bytes, latin1, innerKey } = scan;
  const fields = new Map<string, Span>();
  const end = scanObject({ what: innerKey ?? '', bytes, latin1, offset: from, fields }, from);
  // Views, not copies.
  scan.inner = { bytes: bytes.subarray(from, end), latin1: latin1.slice(from, end), fields };
  return end;
}

function notAnObject(what: string, latin1: string, at: number): GatewayError {
  if (what === 'body') return invalid('The body must be a JSON object.');
  const isJson =
    latin1.charCodeAt(at) === 0x5b || /^(?:"|-?\d|true|false|null)/.test(latin1.slice(at, at + 5));
  return invalid(
    at === latin1.length
      ? `The ${what} is empty.`
      : isJson
        ? `The ${what} must be a JSON object.`
        : `The ${what} is not valid JSON: expected "{" at byte ${at}.`,
  );
}

function expectEnd(scan: Scan, after: number): void {
  const rest = skipSpace(scan.latin1, after);
  if (rest !== scan.latin1.length) throw invalidAt(`the end of the ${scan.what}`, rest, scan.what);
}

/** Parses one top-level field; `undefined` if it is absent. Throws `invalid_request` if its JSON is broken. */
export function readField(body: ScannedBody, key: string): unknown {
  const span = body.fields.get(key);
  if (span === undefined) return undefined;
  const { start, end } = span;
  try {
    // Most fields are a word or two in ASCII, and the text is there already; out of the bytes it would have to be made anew.
    const short = end - start <= shortField ? body.latin1.slice(start, end) : undefined;
    return JSON.parse(
      short !== undefined && isAscii(short) ? short : body.bytes.toString('utf8', start, end),
    );
  } catch {
    throw new GatewayError('invalid_request', `The value of "${key}" is not valid JSON.`, { param: key });
  }
}

/** The first elements of a top-level array, as they stand; none if the field is absent or no array. Reads no further than asked. */
export function* leadingElements(body: ScannedBody, key: string, most: number): Iterable<string> {
  const span = body.fields.get(key);
  if (span === undefined || body.latin1.charCodeAt(span.start) !== 0x5b) return;
  let at = skipSpace(body.latin1, span.start + 1);
  for (let count = 0; count < most && at < span.end - 1; count++) {
    const end = skipValue(body.latin1, at, key);
    yield body.latin1.slice(at, end);
    at = skipSpace(body.latin1, end);
    if (body.latin1.charCodeAt(at) === 0x2c) at = skipSpace(body.latin1, at + 1);
  }
}

/** Parses the whole body. Throws `invalid_request` with the parser's own words. */
export function parseBody(body: ScannedBody): unknown {
  try {
    const text = body.bytes.toString('utf8');
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.replace(/, ".*$/s, '') : 'unreadable';
    throw invalid(`The body is not valid JSON: ${reason}.`);
  }
}

/** The body with some top-level fields set or removed; every other byte stays. */
export function editBody(body: ScannedBody, edits: BodyEdits): Buffer {
  const cuts: { start: number; end: number; text: string }[] = [];
  let added = '';
  for (const [key, json] of Object.entries(edits.set ?? {})) {
    const span = body.fields.get(key);
    if (span === undefined) added += `${JSON.stringify(key)}:${json},`;
    else cuts.push({ start: span.start, end: span.end, text: json });
  }
  for (const key of edits.remove ?? []) {
    const span = body.fields.get(key);
    if (span !== undefined) cuts.push({ ...withComma(body, span), text: '' });
  }
  if (cuts.length === 0 && added === '') return body.bytes;
  cuts.sort((a, b) => a.start - b.start);
  let text = '';
  let from = 0;
  for (const cut of cuts) {
    text += body.latin1.slice(from, cut.start) + utf8AsLatin1(cut.text);
    from = cut.end;
  }
  text += body.latin1.slice(from);
  // Where the last fields went, the comma before them is left.
  if (edits.remove !== undefined) text = text.replace(/,(\s*}\s*)$/, '$1');
  if (added !== '') {
    const open = text.indexOf('{') + 1;
    const empty = text.charCodeAt(skipSpace(text, open)) === 0x7d;
    text = text.slice(0, open) + utf8AsLatin1(empty ? added.slice(0, -1) : added) + text.slice(open);
  }
  return Buffer.from(text, 'latin1');
}

/** A removed field takes the comma after it along. */
function withComma(body: ScannedBody, span: Span): { start: number; end: number } {
  const after = skipSpace(body.latin1, span.end);
  const comma = body.latin1.charCodeAt(after) === 0x2c;
  return { start: span.keyStart, end: comma ? skipSpace(body.latin1, after + 1) : span.end };
}

function utf8AsLatin1(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

function readKey({ bytes, latin1, what }: Scan, start: number, end: number): string {
  const plain = latin1.slice(start + 1, end - 1);
  const raw = isAscii(plain) ? plain : bytes.toString('utf8', start + 1, end - 1);
  if (!raw.includes('\\')) return raw;
  try {
    return String(JSON.parse(`"${raw}"`));
  } catch {
    throw invalidAt('a valid key', start, what);
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

/** `from` is at the opening quote; returns the offset after the closing one. */
function skipString(text: string, from: number, what: string): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === 0x5c) escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  throw invalidAt('the end of a string', text.length, what);
}

function skipValue(text: string, from: number, what: string): number {
  const code = text.charCodeAt(from);
  if (code === 0x22) return skipString(text, from, what);
  if (code === 0x7b || code === 0x5b) return skipNested(text, from, what);
  let at = from;
  while (at < text.length && !isValueEnd(text.charCodeAt(at))) at += 1;
  if (at === from) throw invalidAt('a value', from, what);
  return at;
}

function isValueEnd(code: number): boolean {
  return code === 0x2c || code === 0x7d || code === 0x5d || isSpace(code);
}

function skipNested(text: string, from: number, what: string): number {
  const closers: number[] = [];
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = skipString(text, at, what);
      continue;
    }
    if (code === 0x7b || code === 0x5b) {
      closers.push(code + 2);
      if (closers.length > maxDepth) throw invalid(`The ${what} is nested over ${maxDepth} levels deep.`);
    } else if (code === 0x7d || code === 0x5d) {
      if (closers.pop() !== code) throw invalidAt('a matching bracket', at, what);
      if (closers.length === 0) return at + 1;
    }
    at += 1;
  }
  throw invalidAt('a closing bracket', text.length, what);
}

function invalidAt(wanted: string, at: number, what: string): GatewayError {
  return invalid(`The ${what} is not valid JSON: expected ${wanted} at byte ${at}.`);
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_request', message);
}
