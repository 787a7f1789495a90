/** `multipart/related` as Google's uploads have it: a part of JSON, then the bytes, which go on as a stream. */
import type { IncomingHttpHeaders } from 'node:http';
import { isObject } from '../../core/json.ts';

export interface RelatedUpload {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly bytes: AsyncIterable<Buffer>;
}

/** The JSON in front is a few hundred bytes. */
const mostHeadBytes = 1024 * 1024;
const blankLine = Buffer.from('\r\n\r\n');

/** `undefined`: it is none. */
export async function readRelated(
  headers: IncomingHttpHeaders,
  incoming: AsyncIterable<Uint8Array>,
): Promise<RelatedUpload | undefined> {
  const type = headers['content-type'] ?? '';
  const boundary = /^multipart\/related\b/i.test(type) ? /boundary="?([^";]+)"?/i.exec(type)?.[1] : undefined;
  if (boundary === undefined) return undefined;
  const chunks = incoming[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const found = splitHead(head, boundary);
    if (found !== undefined)
      return { metadata: found.metadata, bytes: withoutTail(found.rest, chunks, boundary) };
    const next = await chunks.next();
    if (next.done === true || head.length > mostHeadBytes) return undefined;
    head = Buffer.concat([head, next.value]);
  }
}

/** `undefined` while the second part's own head has not come. */
function splitHead(
  head: Buffer,
  boundary: string,
): { metadata: Readonly<Record<string, unknown>>; rest: Buffer } | undefined {
  const first = head.indexOf(blankLine);
  const second = first < 0 ? -1 : head.indexOf(`\r\n--${boundary}\r\n`, first);
  const begin = second < 0 ? -1 : head.indexOf(blankLine, second);
  if (begin < 0) return undefined;
  const json: unknown = JSON.parse(head.toString('utf8', first + blankLine.length, second));
  return { metadata: isObject(json) ? json : {}, rest: head.subarray(begin + blankLine.length) };
}

/** The closing boundary is the last of the body, so that many bytes are held back until the end is known. */
async function* withoutTail(
  rest: Buffer,
  chunks: AsyncIterator<Uint8Array>,
  boundary: string,
): AsyncGenerator<Buffer, void, undefined> {
  const tail = `\r\n--${boundary}--`;
  const held = tail.length + 2;
  let last = rest;
  for (;;) {
    const next = await chunks.next();
    if (next.done === true) break;
    last = Buffer.concat([last, next.value]);
    if (last.length <= held) continue;
    yield last.subarray(0, last.length - held);
    last = last.subarray(last.length - held);
  }
  const end = last.lastIndexOf(tail);
  if (end < 0) throw new Error('The upload ended before its closing boundary.');
  if (end > 0) yield last.subarray(0, end);
}
