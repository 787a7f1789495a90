/**
 * Gives a new submission its items. One transaction, in parts of some thousands between which others are served: SQLite's one
 * connection is taken for so long, the event loop is not.
 */
import { setImmediate } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import type { BatchState, Submission } from '../../batch/contract.ts';
import { Load } from '../../core/load.ts';
import type { Connection, Database } from '../database.ts';
import type { Differences } from '../differences.ts';
import { turnItems } from './bulk.ts';
import type { ItemRows } from './contract.ts';
import { lockBatch, Moves } from './counters.ts';
import { itemStateCodes } from './item-states.ts';
import { isWaiting } from './items-waiting.ts';
import { newSubmissionRow, readSubmission } from './submission-row.ts';

type Planned = Parameters<ItemRows['assign']>[0];
type Most = Parameters<ItemRows['assign']>[1];

/** States in which items may begin. */
const beginning: readonly BatchState[] = ['assembling', 'running'];

export function createAssign({ database, differences }: Connection): ItemRows['assign'] {
  return (submission, most, nowMs) =>
    database
      .transaction()
      .execute((transaction) => assign(transaction, differences, submission, most, nowMs));
}

async function assign(
  transaction: Kysely<Database>,
  differences: Differences,
  planned: Planned,
  most: Most,
  nowMs: number,
): Promise<Submission | undefined> {
  const batch = await lockBatch(transaction, differences, planned.batchNo);
  const existing = await transaction
    .selectFrom('intermodal_submission')
    .selectAll()
    .where('id', '=', planned.id)
    .executeTakeFirst();
  // A caller that was not answered asks again.
  if (existing !== undefined) return readSubmission(existing);
  if (batch === undefined || !beginning.includes(batch.state)) return undefined;

  const load = new Load(most);
  let after = -1;
  // Ends: each round begins after what the last one saw, and a full load ends it.
  while (!load.full) {
    const rows = await waitingPart(transaction, planned, nowMs, after);
    const taken = rows.filter((row) => load.take(row.line_bytes, row.input_tokens));
    const last = taken.at(-1);
    if (last === undefined) break;
    await takePart(transaction, planned, nowMs, after, last.seq);
    after = last.seq;
    if (rows.length < turnItems) break;
    await setImmediate();
  }
  if (load.items === 0) return undefined;

  const submission: Submission = { ...planned, ...load.sums };
  await transaction.insertInto('intermodal_submission').values(newSubmissionRow(submission)).execute();
  const moves = new Moves();
  moves.move('waiting', 'submitted', load.items);
  await moves.write(transaction, planned.batchNo);
  return submission;
}

function waitingPart(transaction: Kysely<Database>, planned: Planned, nowMs: number, after: number) {
  return transaction
    .selectFrom('intermodal_item')
    .select(['seq', 'line_bytes', 'input_tokens'])
    .where('batch_no', '=', planned.batchNo)
    .where('lane', '=', planned.lane)
    .where('step', '=', planned.step)
    .where(isWaiting)
    .where('seq', '>', after)
    .where('due_at_ms', '<=', nowMs)
    .orderBy('seq')
    .limit(turnItems)
    .execute();
}

async function takePart(
  transaction: Kysely<Database>,
  planned: Planned,
  nowMs: number,
  after: number,
  last: number,
): Promise<void> {
  await transaction
    .updateTable('intermodal_item')
    .set({ state: itemStateCodes.submitted, submission: planned.id })
    .where('batch_no', '=', planned.batchNo)
    // From the waiting index: between two items that wait there may be a million that do not.
    .where('seq', 'in', (rows) =>
      rows
        .selectFrom('intermodal_item')
        .select('seq')
        .where('batch_no', '=', planned.batchNo)
        .where('lane', '=', planned.lane)
        .where('step', '=', planned.step)
        .where(isWaiting)
        .where('seq', '>', after)
        .where('seq', '<=', last)
        .where('due_at_ms', '<=', nowMs),
    )
    .execute();
}
