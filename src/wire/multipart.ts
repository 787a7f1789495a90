/**
 * Multipart forms (RFC 7578) as a stream: parts come in the order in which they were sent, each with its bytes as they arrive, so that an
 * upload of any size needs the memory of a chunk. Our own, since the libraries that are kept hand out Node streams with events of their own;
 * an async iterator stops the socket by itself while whoever stores the bytes is busy.
 *
 * A part must be read to its end before the next is asked for. What RFC 7578 deprecates (nested multiparts, transfer encodings) is refused.
 */
import { GatewayError } from '../core/errors.ts';

export interface FormPart {
  readonly name: string;
  /** Present: the part is a file. */
  readonly filename?: string;
  readonly bytes: AsyncIterable<Buffer>;
}

/** Longer heads are nobody's. */
const maxHeadBytes = 8192;
/** A form of one file has a handful; every one costs a search. */
const maxParts = 100;

/** The boundary that a content-type names. Throws `invalid_request`. */
export function readBoundary(contentType: string | undefined): string {
  if (contentType === undefined || !/^multipart\/form-data\s*(?:;|$)/i.test(contentType))
    throw malformed(
      `content-type is ${contentType === undefined ? 'missing' : `"${contentType.slice(0, 100)}"`}; a file is uploaded as multipart/form-data.`,
    );
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw malformed('The content-type names no boundary of at most 70 characters.');
  return boundary;
}

/** Throws `invalid_request` where the form is broken or ends before its closing boundary. */
export async function* readForm(
  chunks: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<FormPart, void, undefined> {
  const source = new Source(chunks[Symbol.asyncIterator](), boundary);
  try {
    await source.skipPreamble();
    for (let count = 0; await source.hasPart(); count++) {
      if (count === maxParts) throw malformed(`The form has over ${maxParts} parts.`);
      const part = { ...readHead(await source.head()), bytes: source.body() };
      yield part;
      // A part that nobody wanted, or only the beginning of.
      if (!source.partRead) for await (const _ of source.body());
    }
  } finally {
    await source.close();
  }
}

class Source {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** CR LF -- boundary. */
  readonly #delimiter: Buffer;
  #held: Buffer = Buffer.from('\r\n');
  #ended = false;
  partRead = true;

  constructor(chunks: AsyncIterator<Uint8Array>, boundary: string) {
    this.#chunks = chunks;
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#chunks.return?.();
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#ended = true;
      return false;
    }
    const { buffer, byteOffset, byteLength } = next.value;
    const piece = Buffer.from(buffer, byteOffset, byteLength);
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    return true;
  }

  /** A form begins with its boundary; mail programs write something before it, which is not read. */
  async skipPreamble(): Promise<void> {
    for await (const _ of this.body());
  }

  /** After a boundary: CR LF where a part follows, `--` where none does. */
  async hasPart(): Promise<boolean> {
    while (this.#held.length < 2) if (!(await this.#more())) throw cut();
    const mark = this.#held.toString('latin1', 0, 2);
    this.#held = this.#held.subarray(2);
    if (mark === '\r\n') return true;
    if (mark !== '--') throw malformed('A boundary is followed by neither a line break nor "--".');
    // What comes after the end is of no interest, but is read: the connection is used again.
    this.#held = Buffer.alloc(0);
    while (await this.#more()) this.#held = Buffer.alloc(0);
    return false;
  }

  async head(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf('\r\n\r\n');
      if (end > maxHeadBytes || (end < 0 && this.#held.length > maxHeadBytes))
        throw malformed(`A part’s headers are over ${maxHeadBytes} bytes.`);
      if (end >= 0) {
        const head = this.#held.toString('utf8', 0, end);
        // The line break before the delimiter may be the head's own: an empty part has no other.
        this.#held = this.#held.subarray(end + 2);
        this.partRead = false;
        return head;
      }
      if (!(await this.#more())) throw cut();
    }
  }

  /** To the next boundary, which is taken too. */
  async *body(): AsyncGenerator<Buffer, void, undefined> {
    const keep = this.#delimiter.length - 1;
    let from = this.partRead ? 0 : 2;
    for (;;) {
      const at = this.#held.indexOf(this.#delimiter);
      const safe = at >= 0 ? at : this.#held.length - keep;
      const piece = safe > from ? this.#held.subarray(from, safe) : undefined;
      if (at >= 0) {
        this.#held = this.#held.subarray(at + this.#delimiter.length);
        this.partRead = true;
      } else if (safe > from) {
        this.#held = this.#held.subarray(safe);
        from = 0;
      }
      if (piece !== undefined) yield piece;
      if (at >= 0) return;
      if (!(await this.#more())) throw cut();
    }
  }
}

function readHead(head: string): { readonly name: string; readonly filename?: string } {
  const headers = new Map<string, string>();
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const disposition = headers.get('content-disposition') ?? '';
  if (!/^form-data\s*;/i.test(disposition))
    throw malformed('A part has no "content-disposition: form-data".');
  const coding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!['binary', '8bit', '7bit'].includes(coding))
    throw malformed(
      `A part has the content-transfer-encoding "${coding.slice(0, 40)}"; send bytes as they are.`,
    );
  const name = parameter(disposition, 'name');
  if (name === undefined) throw malformed('A part has no name.');
  const filename = extended(disposition) ?? parameter(disposition, 'filename');
  return filename === undefined ? { name } : { name, filename };
}

/** Quoted as browsers do it: `%22` for a quote; also with a backslash, as curl does. */
function parameter(disposition: string, key: string): string | undefined {
  const match = new RegExp(`;\\s*${key}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;"]*))`, 'i').exec(disposition);
  const quoted = match?.[1]?.replace(/\\(["\\])/g, '$1');
  return (quoted ?? match?.[2])?.replace(/%22/g, '"').replace(/%0D%0A/gi, '\r\n');
}

/** `filename*=UTF-8''caf%C3%A9.jsonl` */
function extended(disposition: string): string | undefined {
  const match = /;\s*filename\*=utf-8'[^']*'([^\s;]+)/i.exec(disposition);
  if (match?.[1] === undefined) return undefined;
  try {
    return decodeURIComponent(match[1]);
  } catch {
    throw malformed('The extended filename of a part is not percent-encoded UTF-8.');
  }
}

function cut(): GatewayError {
  return malformed('The form ends before its closing boundary.');
}

function malformed(message: string): GatewayError {
  return new GatewayError('invalid_request', message);
}
