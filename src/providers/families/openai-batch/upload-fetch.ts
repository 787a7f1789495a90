/**
 * The `fetch` that the SDK uploads with. Node's own holds every byte of a form that it has sent until the answer is there: 400 MB more
 * for a file of 400 MB (measured with Node 24.21 and undici 8.12, November 2026). This one writes the same form out as a stream of known
 * length, which servers that refuse chunked uploads want too.
 */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { request } from 'undici';

/** An upload's answer comes when all of it was read and looked at. */
const answerTimeoutMs = 5 * 60_000;
const crlf = '\r\n';

async function sendForm(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const form = init.body;
  if (!(form instanceof FormData)) throw new Error('an upload has a form');
  const boundary = `intermodal-${randomBytes(12).toString('hex')}`;
  const parts = [...form].map(([name, value]) => toPart(boundary, name, value));
  const tail = Buffer.from(`--${boundary}--${crlf}`);
  const length = parts.reduce((sum, part) => sum + part.head.length + part.bytes + crlf.length, tail.length);
  const answer = await request(input instanceof Request ? input.url : input, {
    method: 'POST',
    headers: {
      ...Object.fromEntries(new Headers(init.headers)),
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(length),
    },
    body: Readable.from(writeForm(parts, tail), { objectMode: false }),
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    ...(init.signal === undefined || init.signal === null ? {} : { signal: init.signal }),
  });
  const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return new Response(await answer.body.text(), { status: answer.statusCode, headers });
}

interface FormPart {
  readonly head: Buffer;
  readonly bytes: number;
  body(): AsyncIterable<Uint8Array>;
}

function toPart(boundary: string, name: string, value: string | File): FormPart {
  const blob = typeof value === 'string' ? new Blob([value]) : value;
  const file =
    typeof value === 'string'
      ? ''
      : `; filename="${escapeName(value.name)}"${crlf}content-type: ${value.type || 'application/octet-stream'}`;
  const head = `--${boundary}${crlf}content-disposition: form-data; name="${escapeName(name)}"${file}${crlf}${crlf}`;
  return { head: Buffer.from(head), bytes: blob.size, body: () => blob.stream() };
}

/** As the HTML standard has it for forms. */
const escapeName = (name: string): string =>
  name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

async function* writeForm(parts: readonly FormPart[], tail: Buffer): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    yield part.head;
    yield* part.body();
    yield Buffer.from(crlf);
  }
  yield tail;
}

/** The SDK looks at `Response` to tell whether this `fetch` takes forms. */
export const uploadFetch = Object.assign(sendForm, { Response });
