/**
 * Anthropic's Message Batches behind the vendor's client.
 *
 * All requests of a job travel inline in one JSON body of up to 256 MB, so it is written as it is sent and never held. Nothing of a batch
 * is ours to name but the `custom_id` of its items, and those are shown by the results alone: see `batch-find.ts`.
 */
import type { Clock } from '../../core/clock.ts';
import type { GatewayError } from '../../core/errors.ts';
import { asNumber, asObject, asString } from '../../core/json.ts';
import { retryAfterMs } from '../../wire/retry-after.ts';
import type {
  BatchEndpoint,
  BatchJob,
  BatchLine,
  FailedResponse,
  JobStatus,
  Submitted,
} from '../contract.ts';
import { failedCreate, itemId } from '../families/batch-job.ts';
import {
  askTimeoutMs,
  batchesPath,
  batchPath,
  type Client,
  failedResponse,
  headersOf,
  readObject,
  readThrown,
} from './batch-client.ts';
import { findBatch } from './batch-find.ts';
import { readResults } from './batch-results.ts';
import { batchLimits } from './limits.ts';

/** From the first byte to the answer. A full body over 5 Mbit/s takes 7 minutes; to give up on one that is nearly sent costs all of it. */
const createTimeoutMs = 15 * 60_000;

export interface BatchWorld {
  readonly open: () => Promise<Client>;
  readonly readError: (response: FailedResponse) => GatewayError;
  readonly clock: Clock;
}

export function createBatch(world: BatchWorld): BatchEndpoint {
  const { open, readError, clock } = world;
  /** Runs one call, and reads what it throws. */
  const ask = async (what: string, call: (client: Client) => Promise<Response>): Promise<Response> => {
    const client = await open();
    try {
      return await call(client);
    } catch (thrown) {
      throw readThrown(thrown, what, readError);
    }
  };
  const poll = async (handle: string): Promise<JobStatus> => {
    const response = await ask('asking for a batch', (client) =>
      client.get(batchPath(handle), { timeout: askTimeoutMs }).asResponse(),
    );
    const hintMs = retryAfterMs(headersOf(response.headers), clock.now());
    return readStatus(await readObject(response), hintMs);
  };

  return {
    limits: batchLimits,
    submit: (job, lines) => submit(world, job, lines),
    find: (job, known) => findBatch({ ask, clock }, job, known),
    poll,
    async cancel(handle) {
      try {
        const path = `${batchPath(handle)}/cancel`;
        const response = await ask('cancelling a batch', (client) =>
          client.post(path, { timeout: askTimeoutMs }).asResponse(),
        );
        await response.body?.cancel();
      } catch (thrown) {
        // It may have ended meanwhile, and then there is nothing to cancel.
        if ((await poll(handle)).kind === 'ended') return;
        throw thrown;
      }
    },
    results: (handle, job) => readResults({ ask, clock }, handle, job),
    async discard(handle) {
      const client = await open();
      try {
        const response = await client.delete(batchPath(handle), { timeout: askTimeoutMs }).asResponse();
        await response.body?.cancel();
      } catch (thrown) {
        // What is gone already needs no removal.
        if (failedResponse(thrown)?.status !== 404) throw readThrown(thrown, 'removing a batch', readError);
      }
    },
  };
}

async function submit(
  { open, readError }: BatchWorld,
  job: BatchJob,
  lines: AsyncIterable<readonly BatchLine[]>,
): Promise<Submitted> {
  const progress: Progress = { ended: false };
  try {
    const client = await open();
    const response = await client
      .post(batchesPath, {
        body: writeBody(job, lines, progress),
        headers: { 'content-type': 'application/json' },
        timeout: createTimeoutMs,
      })
      .asResponse();
    const handle = asString((await readObject(response))['id']);
    if (handle !== undefined && handle !== '') return { kind: 'accepted', handle };
    throw new TypeError('an accepted batch has no id');
  } catch (thrown) {
    if (progress.failure !== undefined) throw progress.failure.thrown;
    const error = readThrown(thrown, 'creating a batch', readError);
    const status = failedResponse(thrown)?.status;
    return failedCreate({
      error,
      thrown,
      bodyEnded: progress.ended,
      ...(status === undefined ? {} : { status }),
    });
  }
}

interface Progress {
  ended: boolean;
  /** What the lines threw; the connection's own complaint about it says less. */
  failure?: { readonly thrown: unknown };
}

/** Written in pieces of about this size: a line may be a hundred bytes or ten megabytes. */
const pieceBytes = 64 * 1024;

/** `body` of a line goes out as it came, byte for byte, with its cache markers. */
async function* writeBody(
  job: BatchJob,
  lines: AsyncIterable<readonly BatchLine[]>,
  progress: Progress,
): AsyncGenerator<Uint8Array, void, undefined> {
  let piece = '{"requests":[';
  let first = true;
  try {
    for await (const handful of lines) {
      for (const { key, body } of handful) {
        piece += `${first ? '' : ','}{"custom_id":"${itemId(job, key)}","params":${body}}`;
        first = false;
        if (piece.length < pieceBytes) continue;
        yield Buffer.from(piece);
        piece = '';
      }
    }
  } catch (thrown) {
    progress.failure = { thrown };
    throw thrown;
  }
  progress.ended = true;
  yield Buffer.from(`${piece}]}`);
}

/** Counts stand still in `processing` until the batch ends. */
function readStatus(batch: Readonly<Record<string, unknown>>, hintMs: number | undefined): JobStatus {
  const counts = asObject(batch['request_counts']);
  const count = (name: string): number => asNumber(counts[name]) ?? 0;
  if (batch['processing_status'] === 'ended') {
    if (count('canceled') > 0 || (batch['cancel_initiated_at'] ?? null) !== null)
      return { kind: 'ended', how: 'cancelled' };
    return { kind: 'ended', how: count('expired') > 0 ? 'expired' : 'completed' };
  }
  const done = count('succeeded');
  const failed = count('errored');
  return {
    kind: 'running',
    // A word that we do not know is never taken for an end.
    state: batch['processing_status'] === 'canceling' ? 'cancelling' : 'running',
    ...(done + failed === 0 ? {} : { done, failed }),
    ...(hintMs === undefined ? {} : { nextPollMs: hintMs }),
  };
}
