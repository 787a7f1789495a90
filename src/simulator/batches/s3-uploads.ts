/** Uploads in parts: each part an object of its own until all are joined or given up. */
import { createHash } from 'node:crypto';
import type { BatchEngine, StoredObject } from './contract.ts';
import { S3Refusal } from './s3-refusal.ts';

/** Of all parts but the last. */
const leastPartBytes = 5 * 1024 * 1024;
const mostParts = 10_000;

interface Part {
  readonly object: StoredObject;
  readonly etag: string;
}

export interface Upload {
  readonly id: string;
  readonly name: string;
  readonly parts: Map<number, Part>;
}

export interface NamedPart {
  readonly number: number;
  readonly etag: string;
}

export class Uploads {
  readonly #open = new Map<string, Upload>();
  readonly #engine: BatchEngine;

  constructor(engine: BatchEngine) {
    this.#engine = engine;
  }

  begin(name: string): Upload {
    const upload = { id: this.#engine.newId(32), name, parts: new Map<number, Part>() };
    this.#open.set(upload.id, upload);
    return upload;
  }

  find(id: string, name: string): Upload {
    const upload = this.#open.get(id);
    if (upload === undefined || upload.name !== name)
      throw new S3Refusal('NoSuchUpload', 'The specified multipart upload does not exist.');
    return upload;
  }

  list(): readonly Upload[] {
    return [...this.#open.values()];
  }

  async add(
    upload: Upload,
    number: number,
    bytes: AsyncIterable<Uint8Array>,
    etag: () => string,
  ): Promise<string> {
    if (!Number.isInteger(number) || number < 1 || number > mostParts)
      throw new S3Refusal('InvalidArgument', `Part number must be from 1 to ${mostParts}.`);
    const object = await this.#engine.objects.write(`s3-parts/${upload.id}/${number}`, bytes);
    upload.parts.set(number, { object, etag: etag() });
    return etag();
  }

  /** Joins the named parts; the rest is thrown away. */
  async complete(upload: Upload, named: readonly NamedPart[]): Promise<string> {
    const parts = chosen(upload, named);
    const { objects } = this.#engine;
    async function* joined(): AsyncIterable<Uint8Array> {
      for (const { object } of parts) yield* objects.read(object.key);
    }
    await objects.write(upload.name, joined());
    this.abort(upload);
    const all = createHash('md5');
    for (const { etag } of parts) all.update(Buffer.from(etag, 'hex'));
    return `${all.digest('hex')}-${parts.length}`;
  }

  abort(upload: Upload): void {
    for (const { object } of upload.parts.values()) this.#engine.objects.remove(object.key);
    this.#open.delete(upload.id);
  }
}

function chosen(upload: Upload, named: readonly NamedPart[]): readonly Part[] {
  if (named.length === 0) throw new S3Refusal('MalformedXML', 'An upload is of at least one part.');
  return named.map(({ number, etag }, index) => {
    if (index > 0 && number <= (named[index - 1]?.number ?? 0))
      throw new S3Refusal('InvalidPartOrder', 'The list of parts was not in ascending order.');
    const part = upload.parts.get(number);
    if (part === undefined || part.etag !== etag)
      throw new S3Refusal('InvalidPart', 'One or more of the specified parts could not be found.');
    if (index < named.length - 1 && part.object.bytes < leastPartBytes)
      throw new S3Refusal('EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size.');
    return part;
  });
}
