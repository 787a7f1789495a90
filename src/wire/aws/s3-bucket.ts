/**
 * Objects in one S3 bucket, by AWS's own client, with memory that does not grow with an object's size: uploads in parts, downloads as streams.
 *
 * A download that breaks is asked for again from where it broke, as long as the object is the same: a reader that is slower
 * than the storage's patience would otherwise never see the end of a large one. Throws what the client throws; `readAwsFailure` reads it.
 */
import { Readable } from 'node:stream';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { readAwsFailure } from './failure.ts';
import { boundedHttp, type HttpTimes } from './http.ts';
import { upload } from './s3-upload.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export interface BucketOptions {
  readonly bucket: string;
  /** Absent: as AWS’s clients find it. */
  readonly region?: string;
  /** Over AWS's own address. */
  readonly endpoint?: string;
  /** The bucket in the path, and not in the host's name. */
  readonly pathStyle?: boolean;
  /** Absent: AWS's default chain. */
  readonly keys?: () => Promise<AwsKeys>;
  /** A KMS key that what is written is encrypted with; absent: as the bucket says. */
  readonly encryptionKey?: string;
}

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

export interface Bucket {
  /** There whole or not at all. Rejects with what `parts` throws. */
  put(key: string, parts: AsyncIterable<Uint8Array>): Promise<{ readonly bytes: number }>;
  /** From `start` to before `end`. */
  get(key: string, start?: number, end?: number): AsyncIterable<Uint8Array>;
  list(prefix: string): AsyncIterable<ListedObject>;
  /** Those that are not there are no fault. */
  remove(keys: readonly string[]): Promise<void>;
}

/** An upload's part must leave within `answerMs`: 8 MB in two minutes is a line nobody runs a gateway on. */
const times: HttpTimes = { connectMs: 5_000, silenceMs: 30_000, answerMs: 120_000 };
/** Every request here may be repeated without harm: a part, a range, a deletion. */
const maxAttempts = 3;
/** In a row, without a byte between them. */
const mostResumes = 3;
/** S3's own bound for one deletion and one page. */
const mostKeys = 1000;

export function openBucket(options: BucketOptions): Bucket {
  const { bucket: Bucket, keys, encryptionKey } = options;
  const client = new S3Client({
    forcePathStyle: options.pathStyle ?? false,
    maxAttempts,
    requestHandler: boundedHttp(times),
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    ...(keys === undefined ? {} : { credentials: alwaysAsked(keys) }),
  });
  return {
    put: (key, parts) =>
      upload(client, { Bucket, Key: key, ...(encryptionKey === undefined ? {} : { encryptionKey }) }, parts),
    get: (key, start, end) => download(client, Bucket, key, start, end),
    async *list(prefix) {
      let token: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken: token }),
        );
        for (const { Key: key, Size: bytes } of page.Contents ?? [])
          if (key !== undefined) yield { key, bytes: bytes ?? 0 };
        token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },
    async remove(removed) {
      for (let at = 0; at < removed.length; at += mostKeys) {
        const Objects = removed.slice(at, at + mostKeys).map((Key) => ({ Key }));
        const { Errors } = await client.send(
          new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
        );
        const [first] = Errors ?? [];
        // The request succeeds although objects of it are kept.
        if (first !== undefined)
          throw Object.assign(new Error(first.Message ?? `S3 did not delete ${first.Key}.`), {
            name: first.Code ?? 'Error',
            $metadata: { httpStatusCode: 403 },
          });
      }
    },
  };
}

/** The client keeps keys that name no end for ever. Ours are kept and renewed by who gives them, so they are asked for each time. */
function alwaysAsked(keys: () => Promise<AwsKeys>): () => Promise<AwsKeys> {
  return async () => ({ ...(await keys()), expiration: new Date(0) });
}

async function* download(
  client: S3Client,
  Bucket: string,
  Key: string,
  start = 0,
  end = Number.POSITIVE_INFINITY,
): AsyncIterable<Uint8Array> {
  // A range of nothing cannot be said; that the object is there still has to be.
  if (end <= start) {
    await client.send(new HeadObjectCommand({ Bucket, Key }));
    return;
  }
  let at = start;
  let last = end;
  let etag: string | undefined;
  let resumes = 0;
  while (at < last) {
    const answer = await client
      .send(new GetObjectCommand({ Bucket, Key, ...rangeOf(at, last), IfMatch: etag }))
      .catch((thrown: unknown) => {
        if (readAwsFailure(thrown).name === 'InvalidRange') return undefined;
        throw thrown;
      });
    // Nothing lies there: the object ends before.
    if (answer === undefined) return;
    etag = answer.ETag;
    if (answer.ContentLength !== undefined) last = at + answer.ContentLength;
    const before = at;
    try {
      if (!(answer.Body instanceof Readable)) throw new Error('The storage answered without a stream.');
      for await (const chunk of answer.Body) {
        const bytes: unknown = chunk;
        if (!(bytes instanceof Uint8Array)) throw new Error('The storage answered with text.');
        at += bytes.length;
        yield bytes;
      }
      // A stream without a length has said all it has.
      if (answer.ContentLength === undefined) return;
    } catch (thrown) {
      resumes = at > before ? 0 : resumes + 1;
      if (resumes > mostResumes || etag === undefined) throw thrown;
    }
  }
}

function rangeOf(start: number, end: number): { readonly Range?: string } {
  if (start === 0 && end === Number.POSITIVE_INFINITY) return {};
  return { Range: `bytes=${start}-${end === Number.POSITIVE_INFINITY ? '' : end - 1}` };
}
