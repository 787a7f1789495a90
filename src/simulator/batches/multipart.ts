/** Reads multipart/form-data as a stream: a part's body is handed on as it comes. */

export interface Part {
  readonly name: string;
  readonly filename: string | undefined;
  /** To be read to its end before the next part is asked for. */
  readonly body: AsyncIterable<Buffer>;
}

export class MultipartError extends Error {}

/** A part's head is a few lines. */
const mostHeadBytes = 16 * 1024;
const headEnd = Buffer.from('\r\n\r\n');

export function boundaryOf(contentType: string | undefined): string | undefined {
  const match = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,200})"|([^\s;]{1,200}))/i.exec(
    contentType ?? '',
  );
  return match?.[1] ?? match?.[2];
}

/** Throws `MultipartError` where the body is none, or ends too early. */
export async function* readParts(
  bytes: AsyncIterable<unknown>,
  boundary: string,
): AsyncGenerator<Part, void, undefined> {
  const source = bytes[Symbol.asyncIterator]();
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // As if a line had ended before the first delimiter, so that all are alike.
  let held = Buffer.from('\r\n');

  async function fill(): Promise<void> {
    const next = await source.next();
    if (next.done === true) throw new MultipartError('it ends too early');
    if (Buffer.isBuffer(next.value)) held = Buffer.concat([held, next.value]);
  }

  async function* untilDelimiter(): AsyncGenerator<Buffer> {
    for (;;) {
      const at = held.indexOf(delimiter);
      if (at >= 0) {
        if (at > 0) yield held.subarray(0, at);
        held = held.subarray(at + delimiter.length);
        return;
      }
      // The end may be the beginning of a delimiter.
      const sure = held.length - delimiter.length + 1;
      if (sure > 0) {
        yield held.subarray(0, sure);
        held = held.subarray(sure);
      }
      await fill();
    }
  }

  async function readHead(): Promise<string> {
    for (;;) {
      const end = held.indexOf(headEnd);
      if (end >= 0) {
        const head = held.subarray(0, end).toString('utf8');
        held = held.subarray(end + headEnd.length);
        return head;
      }
      if (held.length > mostHeadBytes) throw new MultipartError('a head has no end');
      await fill();
    }
  }

  for await (const _ of untilDelimiter());
  for (;;) {
    while (held.length < 2) await fill();
    if (held.subarray(0, 2).toString('latin1') === '--') return;
    const disposition = /^content-disposition:(.*)$/im.exec(await readHead())?.[1] ?? '';
    let read = false;
    const body = untilDelimiter();
    yield {
      name: /\bname="([^"]*)"/i.exec(disposition)?.[1] ?? '',
      filename: /\bfilename="([^"]*)"/i.exec(disposition)?.[1],
      body: (async function* () {
        yield* body;
        read = true;
      })(),
    };
    if (!read) for await (const _ of body);
  }
}
