/**
 * Jobs at Bedrock's batch inference: lines in S3, a job that reads them, its answers in S3 again.
 *
 * All that is of one job lies below `<prefix>/<our id>/`, the input as `input.jsonl`, the output below `output/<AWS's id>/`. Our id is in the
 * name of the job, by which it is found, and is its request token, by which a job that is sent twice is made once. AWS's clients
 * are loaded with the first call: most gateways never send a batch.
 */
import { GatewayError } from '../../core/errors.ts';
import type { ModelInfo } from '../../core/model.ts';
import { readAwsFailure } from '../../wire/aws/failure.ts';
import { watchSource } from '../../wire/aws/source.ts';
import { splitLines } from '../../wire/jsonl.ts';
import type { BatchEndpoint, BatchJob, BatchLine, JobStatus, Submitted } from '../contract.ts';
import type { ErrorRow } from '../families/error-table.ts';
import { readClientError } from './client-errors.ts';
import type { AuthWorld } from './credentials.ts';
import type { JobClient, NewJob } from './job-client.ts';
import { endOf, readJobFailure, readRunning } from './job-status.ts';
import { batchLimits, windowHours } from './limits.ts';
import { readRecord, writeRecord } from './records.ts';
import { type BatchSettings, placeOf, type Settings } from './settings.ts';

export interface BatchForm {
  /** Whose body the lines hold. */
  readonly invocation: 'InvokeModel' | 'Converse';
  /** What the words of a record's error mean. */
  readonly errorRows: readonly ErrorRow[];
}

export type OpenBatch = (model: ModelInfo, form: BatchForm) => BatchEndpoint;

/** A record holds its input again beside the answer: twice what a line of input may be. */
const mostRecordBytes = 64 * 1024 * 1024;
/** What AWS writes beside the answers. */
const manifest = 'manifest.json.out';

/** `undefined` where the settings name no bucket. One client serves all models of the account. */
export function createBatch(configured: Settings, region: string, world: AuthWorld): OpenBatch | undefined {
  const { batch } = configured;
  if (batch === undefined) return undefined;
  let opened: Promise<JobClient> | undefined;
  const open = (): Promise<JobClient> => {
    opened ??= import('./job-client.ts').then(({ openJobClient }) =>
      openJobClient(configured, batch, region, world),
    );
    return opened;
  };
  return (model, form) => createEndpoint(model, form, batch, open, world.clock.now);
}

function createEndpoint(
  model: ModelInfo,
  form: BatchForm,
  batch: BatchSettings,
  open: () => Promise<JobClient>,
  now: () => number,
): BatchEndpoint {
  /** Runs one call, its errors read. */
  const call = async <T>(work: (client: JobClient) => Promise<T>): Promise<T> => {
    try {
      return await work(await open());
    } catch (thrown) {
      throw readClientError(thrown, now());
    }
  };
  return {
    limits: batchLimits(batch),
    lacks: new Set(['tools', 'structured-output']),
    async submit(job, lines) {
      const { bucket, create } = await open();
      const source = watchSource(lines);
      try {
        await bucket.put(`${folderOf(batch, job)}${inputName}`, writeRecords(job, source.items));
      } catch (thrown) {
        if (source.broke()) throw thrown;
        // Without its input there is no job.
        return { kind: 'refused', error: readClientError(thrown, now()) };
      }
      return send(() => create(newJob(model, form, batch, job)), now);
    },
    find: (job, known) =>
      call(async ({ named }) => {
        for (const handle of await named(nameOf(job)))
          if (!(await known(handle))) return { kind: 'found', handle };
        return { kind: 'absent' };
      }),
    poll: (handle, job) => call((client) => poll(client, handle, outputOf(batch, job, handle))),
    cancel: (handle) => call((client) => stop(client, handle)),
    async *results(handle, job) {
      try {
        const client = await open();
        for await (const key of outputs(client, handle, outputOf(batch, job, handle)))
          for await (const lines of splitLines(client.bucket.get(key), mostRecordBytes))
            yield lines.map((line) => readRecord(job.id, form.errorRows, line));
      } catch (thrown) {
        throw readClientError(thrown, now());
      }
    },
    discard: (_handle, job) =>
      call(async ({ bucket }) => {
        const keys: string[] = [];
        for await (const { key } of bucket.list(folderOf(batch, job))) keys.push(key);
        await bucket.remove(keys);
      }),
  };
}

const inputName = 'input.jsonl';

const folderOf = (batch: BatchSettings, job: BatchJob): string => `${placeOf(batch).prefix}${job.id}/`;

/** AWS makes a folder of its own id, the last part of the job's ARN. */
function outputOf(batch: BatchSettings, job: BatchJob, handle: string): string {
  return `${folderOf(batch, job)}output/${handle.slice(handle.lastIndexOf('/') + 1)}/`;
}

const isOutput = (key: string): boolean => key.endsWith('.out') && !key.endsWith(manifest);

const nameOf = (job: BatchJob): string => `intermodal-${job.id}`;

async function* writeRecords(
  job: BatchJob,
  lines: AsyncIterable<readonly BatchLine[]>,
): AsyncIterable<Uint8Array> {
  for await (const handful of lines) for (const line of handful) yield Buffer.from(writeRecord(job.id, line));
}

function newJob(model: ModelInfo, form: BatchForm, batch: BatchSettings, job: BatchJob): NewJob {
  const { bucket } = placeOf(batch);
  const folder = `s3://${bucket}/${folderOf(batch, job)}`;
  const owner = batch.bucket_owner === undefined ? {} : { s3BucketOwner: batch.bucket_owner };
  return {
    jobName: nameOf(job),
    clientRequestToken: job.id,
    roleArn: batch.role_arn,
    modelId: model.id,
    modelInvocationType: form.invocation,
    inputDataConfig: {
      s3InputDataConfig: { s3Uri: `${folder}${inputName}`, s3InputFormat: 'JSONL', ...owner },
    },
    outputDataConfig: {
      s3OutputDataConfig: {
        s3Uri: `${folder}output/`,
        ...owner,
        ...(batch.encryption_key === undefined ? {} : { s3EncryptionKeyId: batch.encryption_key }),
      },
    },
    timeoutDurationInHours: windowHours(batch),
  };
}

/** The one call after which a job may be there although nobody said so. */
async function send(create: () => Promise<string | undefined>, now: () => number): Promise<Submitted> {
  try {
    const handle = await create();
    if (handle !== undefined) return { kind: 'accepted', handle };
    const error = new GatewayError('upstream_malformed', 'Bedrock took the batch job and named none.');
    return { kind: 'unknown', error };
  } catch (thrown) {
    const error = readClientError(thrown, now());
    // Our own: there were no credentials to send it with.
    if (thrown instanceof GatewayError) return { kind: 'refused', error };
    const { name, status = 0, unsent } = readAwsFailure(thrown);
    // A conflict is with a job of the same token, which is this one.
    const refused = status >= 400 && status < 500 && status !== 408 && !name.startsWith('Conflict');
    return { kind: unsent || refused ? 'refused' : 'unknown', error };
  }
}

async function poll(client: JobClient, handle: string, output: string): Promise<JobStatus> {
  const job = await client.get(handle);
  const how = endOf(job);
  if (how === undefined) return readRunning(job);
  if (how !== 'failed') return { kind: 'ended', how };
  // A job that failed on its way has written what it had; one that was never begun has not.
  const ran = (job.successRecordCount ?? 0) > 0 || (await hasOutput(client, output));
  return { kind: 'ended', how: ran ? 'failed' : 'refused', error: readJobFailure(job) };
}

/** A job that was stopped, or failed, may have written nothing; one that was completed has, if only the manifest. */
async function* outputs(client: JobClient, handle: string, output: string): AsyncIterable<string> {
  let any = false;
  for await (const { key } of client.bucket.list(output)) {
    any = true;
    if (isOutput(key)) yield key;
  }
  if (!any && endOf(await client.get(handle)) === 'completed')
    throw new GatewayError('not_found', 'The output of the batch job is no longer in the bucket.');
}

async function hasOutput({ bucket }: JobClient, output: string): Promise<boolean> {
  for await (const { key, bytes } of bucket.list(output)) if (isOutput(key) && bytes > 0) return true;
  return false;
}

/** AWS refuses to stop what has ended, in more than one way. */
async function stop(client: JobClient, handle: string): Promise<void> {
  try {
    await client.stop(handle);
  } catch (thrown) {
    const { name } = readAwsFailure(thrown);
    if (!/^(?:Conflict|Validation)/.test(name)) throw thrown;
    const job = await client.get(handle);
    if (endOf(job) === undefined && job.status !== 'Stopping') throw thrown;
  }
}
