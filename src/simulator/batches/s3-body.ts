/**
 * The body of an upload. AWS's clients frame what they stream (`aws-chunked`): a length in hexadecimal before each piece, and after the last a
 * checksum, which is held against what came. A stand-in that kept the frames would give back other bytes than it got.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Refusal } from './s3-refusal.ts';

const newline = 0x0a;
const mostHeadBytes = 1024;

export interface ReadBody {
  readonly bytes: AsyncIterable<Buffer>;
  /** Once all was read. */
  digest(): { readonly md5: string; readonly crc32: string };
}

/** Throws where lengths or checksums do not hold, before the last bytes are taken. */
export function readBody(headers: IncomingHttpHeaders, incoming: AsyncIterable<Uint8Array>): ReadBody {
  const md5 = createHash('md5');
  let sum = 0;
  let total = 0;
  let digest = { md5: '', crc32: '' };
  async function* read(): AsyncIterable<Buffer> {
    const trailers = new Map<string, string>();
    const framed = String(headers['x-amz-content-sha256']).startsWith('STREAMING-');
    for await (const piece of framed ? unframe(incoming, trailers) : asBuffers(incoming)) {
      md5.update(piece);
      sum = crc32(piece, sum);
      total += piece.length;
      yield piece;
    }
    const told = Buffer.alloc(4);
    told.writeUInt32BE(sum);
    digest = { md5: md5.digest('hex'), crc32: told.toString('base64') };
    const length = headers[framed ? 'x-amz-decoded-content-length' : 'content-length'];
    if (length !== undefined && Number(length) !== total)
      throw new S3Refusal('IncompleteBody', 'The request body is not of the length that was announced.');
    const wanted = trailers.get('x-amz-checksum-crc32') ?? headers['x-amz-checksum-crc32'];
    if (wanted !== undefined && wanted !== digest.crc32)
      throw new S3Refusal('BadDigest', 'The CRC32 you specified did not match what we received.');
  }
  return { bytes: read(), digest: () => digest };
}

async function* asBuffers(incoming: AsyncIterable<Uint8Array>): AsyncIterable<Buffer> {
  for await (const chunk of incoming) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** `10;chunk-signature=…\r\n` + 16 bytes + `\r\n`, again and again; `0\r\n`, trailers, an empty line. */
async function* unframe(
  incoming: AsyncIterable<Uint8Array>,
  trailers: Map<string, string>,
): AsyncIterable<Buffer> {
  let waiting: Buffer = Buffer.alloc(0);
  /** What is left of the piece. -2: its line's end is awaited. -1: a head. */
  let left = -1;
  let ending = false;
  for await (const chunk of asBuffers(incoming)) {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    while (waiting.length > 0) {
      if (left > 0) {
        const piece = waiting.subarray(0, left);
        left -= piece.length;
        waiting = waiting.subarray(piece.length);
        yield piece;
        if (left === 0) left = -2;
        continue;
      }
      const end = waiting.indexOf(newline);
      if (end < 0) break;
      const line = waiting.toString('latin1', 0, end).trimEnd();
      waiting = waiting.subarray(end + 1);
      if (ending) readTrailer(line, trailers);
      else if (left === -2) left = -1;
      else {
        left = readHead(line);
        ending = left === 0;
      }
    }
    if (left <= 0 && waiting.length > mostHeadBytes) throw broken();
  }
  if (!ending) throw new S3Refusal('IncompleteBody', 'The body ended before its last chunk.');
}

function readHead(line: string): number {
  if (!/^[0-9a-f]+(?:;|$)/i.test(line)) throw broken();
  return Number.parseInt(line, 16);
}

function readTrailer(line: string, trailers: Map<string, string>): void {
  const colon = line.indexOf(':');
  if (colon > 0) trailers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
}

function broken(): S3Refusal {
  return new S3Refusal('InvalidChunkSizeError', 'The framing of the body cannot be read.');
}
