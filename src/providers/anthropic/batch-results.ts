/**
 * The results of an ended batch, line by line. The vendor's own reader parses every line and throws at the first that is broken, which
 * would cost all that come behind it; so its client is asked for the bytes alone.
 */
import type { Clock } from '../../core/clock.ts';
import { asObject, isObject } from '../../core/json.ts';
import { type JsonLine, parseLine, splitLines } from '../../wire/jsonl.ts';
import type { BatchJob, BatchResult } from '../contract.ts';
import { readAnthropicErrorInside } from '../families/anthropic-messages/errors.ts';
import { itemKey, readConnectionError } from '../families/batch-job.ts';
import { askTimeoutMs, batchPath, type Client } from './batch-client.ts';
import { errorRows } from './errors.ts';

export interface Asking {
  /** Runs one call; what it throws is read as the sync side's errors are. */
  readonly ask: (what: string, call: (client: Client) => Promise<Response>) => Promise<Response>;
  readonly clock: Clock;
}

/** For all of the results. They may be a gigabyte, and who reads them writes them down; the client's own five minutes without a byte come first. */
const resultsTimeoutMs = 60 * 60_000;

export async function* readResults(
  asking: Asking,
  handle: string,
  job: BatchJob,
): AsyncGenerator<readonly BatchResult[], void, undefined> {
  for await (const lines of resultLines(asking, handle)) yield lines.map((line) => readResult(line, job));
}

/** Read from the API's own address, not from the one that the batch names: a key goes only where the config says. */
export async function* resultLines(
  { ask, clock }: Asking,
  handle: string,
): AsyncGenerator<readonly JsonLine[], void, undefined> {
  const what = 'reading the results of a batch';
  const controller = new AbortController();
  const cancelTimer = clock.after(resultsTimeoutMs, () => controller.abort());
  try {
    const response = await ask(what, (client) =>
      client
        .get(`${batchPath(handle)}/results`, {
          timeout: askTimeoutMs,
          headers: { accept: 'application/binary' },
          signal: controller.signal,
        })
        .asResponse(),
    );
    if (response.body !== null) yield* splitLines(readingBody(response.body, what));
  } finally {
    cancelTimer();
    // Whoever stops in the middle leaves the rest unread, and the connection would wait for it.
    controller.abort();
  }
}

async function* readingBody(
  body: ReadableStream<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (thrown) {
    throw readConnectionError(thrown, what);
  }
}

function readResult(line: JsonLine, job: BatchJob): BatchResult {
  const entry = parseLine(line);
  if (!isObject(entry)) return unreadable(line, 'is no JSON object');
  const key = itemKey(job, entry['custom_id']);
  if (key === undefined) return unreadable(line, 'has an id that is not of this job');
  const result = asObject(entry['result']);
  switch (result['type']) {
    case 'succeeded':
      return { kind: 'answered', key, body: result['message'] };
    case 'errored':
      return { kind: 'failed', key, error: readAnthropicErrorInside(errorRows, errorOf(result['error'])) };
    case 'canceled':
      return { kind: 'cancelled', key };
    case 'expired':
      return { kind: 'expired', key };
    default:
      return unreadable(line, 'has a result of a kind that is not known');
  }
}

/** `{type: "error", error: {type, message}}` as a rule; the inner object alone is taken as well. */
function errorOf(error: unknown): unknown {
  return isObject(asObject(error)['error']) ? error : { error };
}

const unreadable = ({ number }: JsonLine, why: string): BatchResult => ({
  kind: 'unreadable',
  message: `Line ${number} of the results ${why}.`,
});
