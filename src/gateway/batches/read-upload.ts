/** The body of an upload, as it arrives. */
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../../core/errors.ts';
import { EnvelopeSplitter } from '../../wire/json-envelope.ts';

/** As large as the body of a single request may be by default. */
const maxElementBytes = 32_000_000;
/** Metadata of the allowed size, every character of it escaped, is a quarter of this. */
const maxFieldBytes = 256 * 1024;

/**
 * Rejects with `request_too_large` when the limit is passed (announced or met), with `client_closed` when the caller goes before the end, with
 * `invalid_request` for a compressed body. The caller can still be answered after it was left early.
 */
export async function* readUpload(
  incoming: IncomingMessage,
  limitBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const encoding = incoming.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw new GatewayError(
      'invalid_request',
      `content-encoding "${encoding.slice(0, 40)}" is not accepted; send the body as it is.`,
    );
  if (Number(incoming.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  let total = 0;
  try {
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      const bytes: Buffer = chunk;
      total += bytes.length;
      if (total > limitBytes) throw tooLarge(limitBytes);
      yield bytes;
    }
  } catch (thrown) {
    if (thrown instanceof GatewayError) throw thrown;
    throw new GatewayError('client_closed', 'The caller hung up before its upload was complete.', {
      cause: thrown,
    });
  }
}

function tooLarge(limitBytes: number): GatewayError {
  return new GatewayError(
    'request_too_large',
    `The upload is over ${limitBytes} bytes, the most that this gateway accepts. Split it into several.`,
  );
}

/** A JSON object with one long array, read as it arrives. */
export class Submission {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #splitter: EnvelopeSplitter;
  #ready: readonly Buffer[] = [];
  #done = false;

  constructor(chunks: AsyncIterable<Uint8Array>, arrayKey: string) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#splitter = new EnvelopeSplitter(arrayKey, {
      elementBytes: maxElementBytes,
      fieldBytes: maxFieldBytes,
    });
  }

  /** Reads as far as the array, or to the end where there is none. */
  async hasArray(): Promise<boolean> {
    while (!this.#splitter.sawArray && (await this.#read()));
    return this.#splitter.sawArray;
  }

  /** The array's elements, those of a chunk together; ends when the whole object is read. */
  async *elements(): AsyncGenerator<readonly Buffer[], void, undefined> {
    do {
      if (this.#ready.length > 0) yield this.#ready;
    } while (await this.#read());
  }

  /** All other members, once the elements are read. */
  fields(): Readonly<Record<string, unknown>> {
    // No prototype: a member may be named like one of its properties.
    const fields: Record<string, unknown> = Object.create(null);
    for (const [key, text] of this.#splitter.fields) fields[key] = JSON.parse(text);
    return fields;
  }

  async #read(): Promise<boolean> {
    this.#ready = [];
    if (this.#done) return false;
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#done = true;
      this.#splitter.finish();
      return false;
    }
    this.#ready = this.#splitter.push(next.value);
    return true;
  }
}
