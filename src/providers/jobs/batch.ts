/**
 * Jobs of a batch API that can be sent and asked for, and nothing else: there is no list, no name, no metadata, no cancel and no removal.
 *
 * So a job whose creation was not answered cannot be looked for. `find` never says that it is absent, since nothing could know it; what
 * becomes of such items is for the ledger to decide, and to declare: they may be paid twice.
 */

import { GatewayError } from '../../core/errors.ts';
import { asString, isObject } from '../../core/json.ts';
import type { BatchEndpoint, BatchJob, BatchLine, Submitted } from '../contract.ts';
import { failedCreate, itemId } from '../families/batch-job.ts';
import { Refusal, readText } from './batch-client.ts';
import { type BatchWorld, plain, poll, readResults } from './batch-results.ts';
import { limitsOf } from './limits.ts';

const askTimeoutMs = 60_000;
const createTimeoutMs = 5 * 60_000;
/** An id and a few words. */
const mostAnswerBytes = 64 * 1024;
/** From here on a refused key would cost an upload; a small job finds out by itself. */
const largeItems = 500;
const largeBytes = 1_000_000;
/** Nothing is asked, so it may be asked seldom. */
const unsureMs = 600_000;

export function createBatch(world: BatchWorld): BatchEndpoint {
  return {
    limits: limitsOf(world.settings),
    submit: (job, lines) => submit(world, job, lines),
    find: async () => ({ kind: 'unsure', retryAfterMs: unsureMs }),
    poll: (handle, job) => poll(world, handle, job),
    // The API has no such call: what runs ends by itself.
    cancel: async () => {},
    results: (handle, job) => readResults(world, handle, job),
  };
}

async function submit(
  world: BatchWorld,
  job: BatchJob,
  lines: AsyncIterable<readonly BatchLine[]>,
): Promise<Submitted> {
  const { open, settings } = world;
  const progress: Progress = { ended: false };
  try {
    if (job.items >= largeItems || job.bytes >= largeBytes) await validateKey(world);
    const opened = await open({
      method: 'POST',
      path: settings.paths.submit,
      timeoutMs: createTimeoutMs,
      body: writeBody(world, job, lines, progress),
      what: 'creating a job',
    });
    const handle = readHandle(await readText(opened.chunks, mostAnswerBytes).finally(opened.close));
    if (handle !== undefined && handle !== '') return { kind: 'accepted', handle };
    const message = 'The provider accepted a job and gave no id for it.';
    return { kind: 'unknown', error: new GatewayError('upstream_malformed', message) };
  } catch (thrown) {
    if (progress.failure !== undefined) throw progress.failure.thrown;
    const error = plain(thrown);
    if (!(error instanceof GatewayError)) throw thrown;
    return failedCreate({
      error,
      thrown,
      bodyEnded: progress.ended,
      ...(thrown instanceof Refusal ? { status: thrown.status } : {}),
    });
  }
}

function readHandle(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const handle = isObject(body) ? body['batch_id'] : undefined;
    // Some number their jobs.
    return typeof handle === 'number' ? String(handle) : asString(handle);
  } catch {
    return undefined;
  }
}

async function validateKey({ open, settings }: BatchWorld): Promise<void> {
  const path = settings.paths.validate;
  try {
    const opened = await open({ method: 'GET', path, timeoutMs: askTimeoutMs, what: 'checking the key' });
    opened.close();
  } catch (thrown) {
    // Not every reseller has this call, and one that has not may take the job all the same.
    if (thrown instanceof Refusal && (thrown.status === 404 || thrown.status === 405)) return;
    throw thrown instanceof Refusal ? thrown.error : thrown;
  }
}

interface Progress {
  ended: boolean;
  failure?: { readonly thrown: unknown };
}

/** `response_format` comes behind the items, when it is known whether all of them want it. */
async function* writeBody(
  { settings, model }: BatchWorld,
  job: BatchJob,
  lines: AsyncIterable<readonly BatchLine[]>,
  progress: Progress,
): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = `{"model":${JSON.stringify(model)},"items":[`;
  let count = 0;
  let format: unknown;
  let common = true;
  try {
    for await (const handful of lines) {
      for (const { key, body } of handful) {
        const { response_format: wanted, ...item }: Readonly<Record<string, unknown>> = JSON.parse(body);
        if (count > 0) piece += ',';
        piece += JSON.stringify({ id: itemId(job, key), ...item });
        format ??= wanted;
        common &&= isObject(wanted);
        count += 1;
      }
      yield Buffer.from(piece);
      piece = '';
    }
  } catch (thrown) {
    progress.failure = { thrown };
    throw thrown;
  }
  progress.ended = true;
  const rest = {
    ...(common && format !== undefined ? { response_format: format } : {}),
    ...(settings.webhook === undefined ? {} : { webhook: settings.webhook.url }),
  };
  const members = JSON.stringify(rest).slice(1, -1);
  yield Buffer.from(`${piece}]${members === '' ? '' : `,${members}`}}`);
}
