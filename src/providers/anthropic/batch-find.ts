/**
 * Looks for the batch of a create whose answer was lost. A batch has no name and no metadata, and while it runs nothing tells whose its
 * items are: what can be compared is when it was created and how many items it has. Only the results show the ids, which carry the job's.
 * So a batch that fits and still runs makes the answer `unsure`, and one that has ended is known by its first line.
 */
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { parseLine } from '../../wire/jsonl.ts';
import type { BatchJob, Found } from '../contract.ts';
import { isItemOf } from '../families/batch-job.ts';
import { askTimeoutMs, batchesPath, readObject } from './batch-client.ts';
import { type Asking, resultLines } from './batch-results.ts';

/** Their clock may be behind ours. Too much costs a comparison, too little loses a batch. */
const skewMs = 10 * 60_000;
const pageSize = 100;
/** Of a workspace that created more than this many since, it is not known whether one of them is ours. */
const mostPages = 100;
/** Few batches take less than minutes; this is asked for hours. */
const askAgainMs = 120_000;

type Listed = Readonly<Record<string, unknown>>;

const unsure: Found = { kind: 'unsure', retryAfterMs: askAgainMs };

export async function findBatch(
  asking: Asking,
  job: BatchJob,
  known: (handle: string) => Promise<boolean>,
): Promise<Found> {
  let suspects = false;
  let after: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const { batches, next } = await listPage(asking, after);
    for (const batch of batches) {
      if (isOlder(batch, job)) return suspects ? unsure : { kind: 'absent' };
      const handle = asString(batch['id']);
      if (handle === undefined || !fits(batch, job) || (await known(handle))) continue;
      const whose = await whoseIs(asking, batch, handle, job);
      if (whose === 'ours') return { kind: 'found', handle };
      if (whose === 'unknown') suspects = true;
    }
    if (next === undefined) return suspects ? unsure : { kind: 'absent' };
    after = next;
  }
  return unsure;
}

async function listPage(
  { ask }: Asking,
  after: string | undefined,
): Promise<{ readonly batches: readonly Listed[]; readonly next: string | undefined }> {
  const query = { limit: pageSize, ...(after === undefined ? {} : { after_id: after }) };
  const response = await ask('listing batches', (client) =>
    client.get(batchesPath, { query, timeout: askTimeoutMs }).asResponse(),
  );
  const body = await readObject(response);
  const batches = asArray(body['data']).filter(isObject);
  const last = asString(body['last_id']) ?? asString(batches.at(-1)?.['id']);
  return { batches, next: body['has_more'] === true && batches.length > 0 ? last : undefined };
}

/** Newest first, so that nothing behind an older one can be it. */
function isOlder(batch: Listed, job: BatchJob): boolean {
  return Date.parse(asString(batch['created_at']) ?? '') < job.createdAtMs - skewMs;
}

function fits(batch: Listed, job: BatchJob): boolean {
  const counts = Object.values(asObject(batch['request_counts'])).map(asNumber);
  const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  // Without counts nothing speaks against it.
  return counts.length === 0 || total === job.items;
}

async function whoseIs(
  asking: Asking,
  batch: Listed,
  handle: string,
  job: BatchJob,
): Promise<'ours' | 'other' | 'unknown'> {
  if (batch['processing_status'] !== 'ended' || (batch['archived_at'] ?? null) !== null) return 'unknown';
  for await (const lines of resultLines(asking, handle)) {
    for (const line of lines) {
      const entry = parseLine(line);
      if (isObject(entry)) return isItemOf(job, entry['custom_id']) ? 'ours' : 'other';
    }
  }
  return 'unknown';
}
