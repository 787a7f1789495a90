/** Asking for a job: one answer holds its state and, at the end, all its results, so it is read as it comes. */
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { asString, isObject } from '../../core/json.ts';
import { createListSplitter, type ListSplitter } from '../../wire/json-list.ts';
import { retryAfterMs } from '../../wire/retry-after.ts';
import type { BatchJob, BatchResult, JobStatus } from '../contract.ts';
import { itemKey } from '../families/batch-job.ts';
import { type Open, type Opened, Refusal } from './batch-client.ts';
import { answerOf } from './codec.ts';
import { readErrorInside } from './errors.ts';
import { nextPollMs } from './limits.ts';
import type { Settings } from './settings.ts';

export interface BatchWorld {
  readonly open: Open;
  readonly settings: Settings;
  readonly model: string;
  readonly clock: Clock;
}

/** For the state and all results of a job. */
const resultsTimeoutMs = 15 * 60_000;

/** What was thrown at a call, without the status that only a submission looks at. */
export const plain = (thrown: unknown): unknown => (thrown instanceof Refusal ? thrown.error : thrown);

async function openJob({ open, settings }: BatchWorld, handle: string, what: string): Promise<Opened> {
  const path = settings.paths.poll.replaceAll('{id}', encodeURIComponent(handle));
  try {
    return await open({ method: 'GET', path, timeoutMs: resultsTimeoutMs, what });
  } catch (thrown) {
    throw plain(thrown);
  }
}

/** The results that come along are passed by: who polls wants the state. */
export async function poll(world: BatchWorld, handle: string, job: BatchJob): Promise<JobStatus> {
  const { headers, chunks, close } = await openJob(world, handle, 'asking for a job');
  try {
    const splitter = createListSplitter('results');
    for await (const chunk of chunks) splitter.push(chunk);
    const hintMs = retryAfterMs(headers, world.clock.now());
    return readStatus(endOf(splitter), hintMs ?? nextPollMs(job.items));
  } finally {
    close();
  }
}

export async function* readResults(
  world: BatchWorld,
  handle: string,
  job: BatchJob,
): AsyncGenerator<readonly BatchResult[], void, undefined> {
  const { chunks, close } = await openJob(world, handle, 'reading the results of a job');
  try {
    const splitter = createListSplitter('results');
    for await (const chunk of chunks) {
      const handful = splitter.push(chunk).map((text) => readResult(text, job, world.model));
      if (handful.length > 0) yield handful;
    }
    endOf(splitter);
  } finally {
    close();
  }
}

function endOf(splitter: ListSplitter): Readonly<Record<string, unknown>> {
  const around = splitter.end();
  if (around !== undefined) return around;
  throw new GatewayError('upstream_truncated', 'The provider’s answer about a job is no whole JSON object.');
}

function readStatus(answer: Readonly<Record<string, unknown>>, waitMs: number): JobStatus {
  switch (answer['status']) {
    case 'completed':
      return { kind: 'ended', how: 'completed' };
    case 'failed': {
      const error = readErrorInside(answer['error'] ?? 'The job failed.');
      return { kind: 'ended', how: 'failed', error };
    }
    default:
      // A word that we do not know is never taken for an end.
      return { kind: 'running', state: 'running', nextPollMs: waitMs };
  }
}

function readResult(text: string, job: BatchJob, model: string): BatchResult {
  const result = parse(text);
  if (!isObject(result)) return { kind: 'unreadable', message: 'A result is no JSON object.' };
  const key = itemKey(job, result['id']);
  if (key === undefined)
    return { kind: 'unreadable', message: 'A result has an id that is not of this job.' };
  const error = result['error'] ?? null;
  if (isObject(error) || (asString(error) ?? '') !== '')
    return { kind: 'failed', key, error: readErrorInside(error) };
  const body = answerOf(result, model);
  if (body !== undefined) return { kind: 'answered', key, body };
  const message = 'The provider tells neither an answer nor an error.';
  return { kind: 'failed', key, error: new GatewayError('upstream_malformed', message) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told as what it is: no object.
    return undefined;
  }
}
