/**
 * Batches as OpenAI has them and others copied: the lines as an uploaded file, a batch that names it, results as files. The job's id
 * is in the batch's metadata, by which it is found again, and in front of every line's `custom_id`.
 *
 * Only the creation can leave a batch behind that nobody knows of: a creation that was refused with a 4xx made none, all else that goes
 * wrong with it may have.
 */
import { openAsBlob } from 'node:fs';
import type { FileObject } from 'openai/resources/files';
import type { Clock } from '../../../core/clock.ts';
import { GatewayError } from '../../../core/errors.ts';
import { asObject, asString, isObject } from '../../../core/json.ts';
import { splitLines } from '../../../wire/jsonl.ts';
import type {
  BatchEndpoint,
  BatchJob,
  BatchLimits,
  BatchLine,
  BatchResult,
  Found,
  Submitted,
} from '../../contract.ts';
import { type Connection, withClient } from './client.ts';
import { customId, readRow } from './rows.ts';
import { spoolLines } from './spool.ts';
import { type BatchObject, createdAtMs, readStatus } from './status.ts';
import { uploadFetch } from './upload-fetch.ts';

export interface OpenAiBatchOptions extends Connection {
  /** What lines and batch name alike. */
  readonly path: '/v1/chat/completions' | '/v1/embeddings' | '/chat/completions' | '/embeddings';
  readonly limits: BatchLimits;
  readonly clock: Clock;
  /** The server looks at a file before it takes it (Azure). */
  readonly waitsForFile?: boolean;
  /** When the server removes the input by itself, in seconds; absent: as it pleases. */
  readonly keepInputS?: number;
  /** A body as it must be here, where it is another than for sync calls. */
  readonly rewriteBody?: (body: string) => string;
}

const metadataKey = 'intermodal_submission';
const minuteMs = 60_000;
const callTimeoutMs = minuteMs;
/** A creation that is given up is one to be looked for, so it is given time. */
const createTimeoutMs = 2 * minuteMs;
/** 200 MB at some 200 kB a second. */
const uploadTimeoutMs = 15 * minuteMs;
const contentTimeoutMs = 5 * minuteMs;
const fileWait = { firstMs: 25, mostMs: 5_000, totalMs: 3 * minuteMs };
/** Clocks differ; too much costs a page more, too little a batch that is paid twice. */
const clockSkewMs = 10 * minuteMs;
const mostPages = 100;

export function createOpenAiBatch(options: OpenAiBatchOptions): BatchEndpoint {
  const { limits } = options;
  return {
    limits,
    submit: (job, lines) => submit(options, job, lines),
    find: (job) => find(options, job),
    poll: async (handle) => readStatus(await retrieve(options, handle)),
    cancel: (handle) => cancel(options, handle),
    results: (handle, job) => readResults(options, handle, job),
    discard: (handle) => discard(options, handle),
  };
}

async function submit(
  options: OpenAiBatchOptions,
  job: BatchJob,
  lines: AsyncIterable<readonly BatchLine[]>,
): Promise<Submitted> {
  const spool = await spoolLines(lines, lineWriter(options, job));
  try {
    let fileId: string;
    try {
      fileId = await upload(options, job, spool.path);
    } catch (thrown) {
      if (thrown instanceof GatewayError) return { kind: 'refused', error: thrown };
      throw thrown;
    }
    return await create(options, job, fileId);
  } finally {
    await spool.remove();
  }
}

function lineWriter({ path, rewriteBody }: OpenAiBatchOptions, job: BatchJob): (line: BatchLine) => string {
  return ({ key, body }) => {
    const text = rewriteBody === undefined ? body : rewriteBody(body);
    // Between the tokens of JSON a newline is a space like any other; inside of strings there is none.
    const oneLine = text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]+/g, ' ') : text;
    return `{"custom_id":"${customId(job.id, key)}","method":"POST","url":"${path}","body":${oneLine}}\n`;
  };
}

async function upload(options: OpenAiBatchOptions, job: BatchJob, path: string): Promise<string> {
  const { keepInputS, waitsForFile } = options;
  const file = await withClient(
    options,
    async (client) =>
      client.files.create(
        {
          file: new File([await openAsBlob(path)], `${job.id}.jsonl`, { type: 'application/jsonl' }),
          purpose: 'batch',
          ...(keepInputS === undefined
            ? {}
            : { expires_after: { anchor: 'created_at' as const, seconds: keepInputS } }),
        },
        { timeout: uploadTimeoutMs, maxRetries: 0 },
      ),
    uploadFetch,
  );
  if (typeof file.id !== 'string' || file.id === '')
    throw new GatewayError('upstream_malformed', 'The provider’s answer to the upload has no file id.');
  if (waitsForFile === true && isPending(file)) await fileReady(options, file.id);
  return file.id;
}

const isPending = (file: FileObject): boolean =>
  !/^(?:processed|error)$/i.test(asString(asObject(file)['status']) ?? 'processed');

async function fileReady(options: OpenAiBatchOptions, fileId: string): Promise<void> {
  const { clock } = options;
  let waitMs = fileWait.firstMs;
  for (let waitedMs = 0; waitedMs < fileWait.totalMs; ) {
    await new Promise<void>((resolve) => clock.after(waitMs, resolve));
    waitedMs += waitMs;
    waitMs = Math.min(waitMs * 2, fileWait.mostMs);
    const file = await withClient(options, (client) =>
      client.files.retrieve(fileId, { timeout: callTimeoutMs }),
    );
    if (!isPending(file)) return;
  }
  await removeFiles(options, [fileId]).catch(() => {});
  throw new GatewayError('upstream_overloaded', 'The provider did not process the input file in time.');
}

async function create(options: OpenAiBatchOptions, job: BatchJob, fileId: string): Promise<Submitted> {
  try {
    const batch = await withClient(options, (client) =>
      client.batches.create(
        {
          input_file_id: fileId,
          endpoint: endpointOf(options.path),
          completion_window: '24h',
          metadata: { [metadataKey]: job.id },
        },
        { timeout: createTimeoutMs, maxRetries: 0 },
      ),
    );
    if (typeof batch.id === 'string' && batch.id !== '') return { kind: 'accepted', handle: batch.id };
    const error = new GatewayError('upstream_malformed', 'The provider’s answer has no batch id.');
    return { kind: 'unknown', error };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    if (!wasRefused(thrown)) return { kind: 'unknown', error: thrown };
    // Nothing names it any more; where it cannot be removed now, it expires.
    await removeFiles(options, [fileId]).catch(() => {});
    return { kind: 'refused', error: thrown };
  }
}

/** A time-out or a conflict (408, 409) may come after the batch was made; any other 4xx is instead of it. */
function wasRefused({ upstream }: GatewayError): boolean {
  const status = upstream?.status ?? 0;
  return status >= 400 && status < 500 && status !== 408 && status !== 409;
}

type SdkEndpoint = Parameters<import('openai').OpenAI['batches']['create']>[0]['endpoint'];

/** Azure's older paths are not in the SDK's list, which is of OpenAI's alone; it sends what it is given. */
const endpointOf = (path: OpenAiBatchOptions['path']): SdkEndpoint => path as SdkEndpoint;

/** A proxy's page with status 200 is no batch: taken for one, it would look as if it ran forever. */
async function retrieve(options: OpenAiBatchOptions, handle: string): Promise<BatchObject> {
  const batch: unknown = await withClient(options, (client) =>
    client.batches.retrieve(handle, { timeout: callTimeoutMs }),
  );
  if (isObject(batch) && typeof batch['status'] === 'string') return batch;
  throw new GatewayError('upstream_malformed', 'The provider’s answer is not a batch.');
}

async function find(options: OpenAiBatchOptions, job: BatchJob): Promise<Found> {
  let after: string | undefined;
  for (let pages = 0; pages < mostPages; pages++) {
    const page = await listPage(options, after);
    for (const batch of page.data) {
      const handle = asString(batch['id']);
      if (handle !== undefined && asObject(batch['metadata'])[metadataKey] === job.id)
        return { kind: 'found', handle };
      const createdMs = createdAtMs(batch);
      if (createdMs !== undefined && createdMs < job.createdAtMs - clockSkewMs) return { kind: 'absent' };
    }
    after = asString(page.data.at(-1)?.['id']);
    if (!page.hasMore || after === undefined) return { kind: 'absent' };
  }
  return { kind: 'unsure', retryAfterMs: minuteMs };
}

/** Not the SDK's own page: that takes any answer at all for an empty list, and an empty list means that a job is sent again. */
async function listPage(options: OpenAiBatchOptions, after: string | undefined) {
  const query = { limit: 100, ...(after === undefined ? {} : { after }) };
  const page = await withClient(options, (client) =>
    client.get<unknown>('/batches', { query, timeout: callTimeoutMs }),
  );
  if (!isObject(page) || !Array.isArray(page['data']))
    throw new GatewayError('upstream_malformed', 'The provider’s answer is not a list of batches.');
  return { data: page['data'].map(asObject), hasMore: page['has_more'] === true };
}

async function cancel(options: OpenAiBatchOptions, handle: string): Promise<void> {
  try {
    await withClient(options, (client) => client.batches.cancel(handle, { timeout: callTimeoutMs }));
  } catch (thrown) {
    const status = thrown instanceof GatewayError ? (thrown.upstream?.status ?? 0) : 0;
    if (status !== 400 && status !== 409) throw thrown;
    // What has ended cannot be cancelled, and needs not.
    if (readStatus(await retrieve(options, handle)).kind !== 'ended') throw thrown;
  }
}

async function* readResults(
  options: OpenAiBatchOptions,
  handle: string,
  job: BatchJob,
): AsyncGenerator<readonly BatchResult[]> {
  const batch = await retrieve(options, handle);
  for (const field of ['output_file_id', 'error_file_id']) {
    const fileId = asString(batch[field]);
    if (fileId === undefined || fileId === '') continue;
    for await (const lines of splitLines(readFile(options, fileId)))
      yield lines.map((line) => readRow(line, job.id, options.readError));
  }
}

/** Given up when nothing comes for a while, however long all of it takes. */
async function* readFile(options: OpenAiBatchOptions, fileId: string): AsyncGenerator<Uint8Array> {
  const abort = new AbortController();
  let stop = options.clock.after(contentTimeoutMs, () => abort.abort());
  try {
    const response = await withClient(options, (client) =>
      client.files.content(fileId, { timeout: contentTimeoutMs, signal: abort.signal }),
    );
    if (response.body === null) return;
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await withClient(options, () => reader.read());
        if (done) return;
        stop();
        yield value;
        stop = options.clock.after(contentTimeoutMs, () => abort.abort());
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  } finally {
    stop();
  }
}

async function discard(options: OpenAiBatchOptions, handle: string): Promise<void> {
  const batch = await retrieve(options, handle);
  const ids = ['input_file_id', 'output_file_id', 'error_file_id'].map((field) => asString(batch[field]));
  await removeFiles(
    options,
    ids.filter((id) => id !== undefined && id !== ''),
  );
}

async function removeFiles(options: OpenAiBatchOptions, ids: readonly (string | undefined)[]): Promise<void> {
  for (const id of ids) {
    if (id === undefined) continue;
    try {
      await withClient(options, (client) => client.files.delete(id, { timeout: callTimeoutMs }));
    } catch (thrown) {
      // Gone already is gone.
      if (!(thrown instanceof GatewayError) || thrown.upstream?.status !== 404) throw thrown;
    }
  }
}
