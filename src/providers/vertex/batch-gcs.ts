/** A job's lines and rows as objects of Cloud Storage. Everything of a job is below one folder of its own. */
import type { EventEmitter } from 'node:events';
import type { Bucket, File } from '@google-cloud/storage';
import type { Clock } from '../../core/clock.ts';
import { asObject, asString } from '../../core/json.ts';
import { parseLine, splitLines } from '../../wire/jsonl.ts';
import type { BatchJob } from '../contract.ts';
import type { Authenticate } from './auth.ts';
import { answered, type BatchPlace, type JobFields, outputGone, pour } from './batch-place.ts';
import { createCredential, readThrown } from './google-client.ts';
import { jobCallTimeoutMs } from './limits.ts';

const service = 'Cloud Storage';
const objectsPerPage = 1000;
const responseListeners = 20;
/** A job writes some dozens of files at most; a list that does not end must not hold the worker. */
const mostObjectPages = 100;

export interface GcsOptions {
  /** `gs://bucket/prefix`. */
  readonly uri: string;
  /** Absent: Google's. */
  readonly endpoint: string | undefined;
  readonly authenticate: Authenticate;
  readonly clock: Clock;
}

export function createGcsPlace(options: GcsOptions): BatchPlace {
  const { clock } = options;
  const own = splitUri(options.uri);
  const openBucket = bucketOpener(options);
  const folder = (job: BatchJob): string => `${own.path === '' ? '' : `${own.path}/`}${job.id}/`;

  return {
    configs: (job) => ({
      inputConfig: {
        instancesFormat: 'jsonl',
        gcsSource: { uris: [`gs://${own.bucket}/${folder(job)}input.jsonl`] },
      },
      outputConfig: {
        predictionsFormat: 'jsonl',
        gcsDestination: { outputUriPrefix: `gs://${own.bucket}/${folder(job)}output/` },
      },
    }),
    async write(job, chunks) {
      const bucket = await openBucket(own.bucket);
      // One request that streams: the library’s resumable uploads hold chunks to send them again, and nothing here is sent again.
      const sink = bucket.file(`${folder(job)}input.jsonl`).createWriteStream({
        resumable: false,
        contentType: 'application/jsonl',
      });
      await pour(clock, chunks, sink).catch(fail);
    },
    async *read(job, fields) {
      const told = outputOf(fields);
      const usual = { bucket: own.bucket, path: `${folder(job)}output/` };
      const found = await findFiles(openBucket, told, usual);
      if (found.length === 0 && told !== undefined) throw outputGone();
      for (const file of found) yield* readRows(file, clock);
    },
    async remove(job) {
      const bucket = await openBucket(own.bucket);
      for await (const files of listFiles(bucket, folder(job)))
        for (const file of files) await file.delete({ ignoreNotFound: true }).catch(fail);
    },
  };
}

type OpenBucket = (name: string) => Promise<Bucket>;

function bucketOpener({ endpoint, authenticate }: GcsOptions): OpenBucket {
  let opening: Promise<(name: string) => Bucket> | undefined;
  async function open(): Promise<(name: string) => Bucket> {
    const [{ Storage }, credential] = await Promise.all([
      import('@google-cloud/storage'),
      createCredential(authenticate),
    ]);
    const storage = new Storage({
      authClient: credential,
      useAuthWithCustomEndpoint: true,
      timeout: jobCallTimeoutMs,
      retryOptions: { autoRetry: false, maxRetries: 0 },
      ...(endpoint === undefined ? {} : { apiEndpoint: endpoint }),
    });
    return (name) => storage.bucket(name);
  }
  return async (name) => {
    opening ??= open();
    return (await opening)(name);
  };
}

interface Location {
  readonly bucket: string;
  readonly path: string;
}

function splitUri(uri: string): Location {
  const [bucket = '', ...path] = uri.replace(/^gs:\/\//, '').split('/');
  return { bucket, path: path.join('/').replace(/\/+$/, '') };
}

/** Where Google says that the rows are: the settings may have changed since the job was made. */
function outputOf(fields: JobFields): Location | undefined {
  const directory = asString(asObject(fields['outputInfo'])['gcsOutputDirectory']);
  if (directory?.startsWith('gs://') !== true) return undefined;
  const { bucket, path } = splitUri(directory);
  return { bucket, path: `${path}/` };
}

/** Any file of lines, whatever it is called: one `predictions.jsonl` as a rule, numbered ones and ones of errors elsewhere. */
async function findFiles(
  openBucket: OpenBucket,
  told: Location | undefined,
  usual: Location,
): Promise<readonly File[]> {
  for (const { bucket, path } of told === undefined ? [usual] : [told, usual]) {
    const found: File[] = [];
    for await (const files of listFiles(await openBucket(bucket), path))
      found.push(...files.filter((file) => file.name.endsWith('.jsonl')));
    if (found.length > 0) return found;
  }
  return [];
}

async function* listFiles(bucket: Bucket, prefix: string): AsyncGenerator<readonly File[], void, undefined> {
  let pageToken: string | undefined;
  for (let page = 0; page < mostObjectPages; page++) {
    const [files, next] = await bucket
      .getFiles({
        prefix,
        autoPaginate: false,
        maxResults: objectsPerPage,
        ...(pageToken === undefined ? {} : { pageToken }),
      })
      .catch(fail);
    yield files;
    pageToken = asString(asObject(next)['pageToken']);
    if (pageToken === undefined) return;
  }
}

async function* readRows(file: File, clock: Clock): AsyncGenerator<readonly unknown[], void, undefined> {
  const source = file.createReadStream();
  // The library pipes one response twice, and Node takes the listeners for a leak.
  source.once('response', (response: EventEmitter) => response.setMaxListeners(responseListeners));
  const chunks = source[Symbol.asyncIterator]();
  async function* bounded(): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      // While whoever asked for rows is at work with them nobody is late.
      const next = await answered(clock, chunks.next(), (error) => source.destroy(error));
      if (next.done === true) return;
      yield next.value;
    }
  }
  try {
    for await (const lines of splitLines(bounded())) yield lines.map(parseLine);
  } catch (thrown) {
    throw readThrown(service, thrown);
  } finally {
    source.destroy();
  }
}

function fail(thrown: unknown): never {
  throw readThrown(service, thrown);
}
