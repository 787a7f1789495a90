/**
 * What is due, and who does it. A claim is one statement that finds the most overdue row, passes over those that others are taking,
 * and takes it: two claimers never get the same.
 */
import { type Kysely, sql } from 'kysely';
import type { Connection, Database, Differences } from '../database.ts';
import { readBatch } from './batch-row.ts';
import type { Claim, Work, WorkRows } from './contract.ts';
import { released } from './held.ts';
import { readSubmission } from './submission-row.ts';
import type { HeldColumns } from './tables.ts';

/** The condition of the due indexes, word for word, without which SQLite does not use them. */
const isLive = sql<boolean>`live = 1`;

export function createWorkRows({ database, differences }: Connection): WorkRows {
  return {
    async claim(nowMs, leaseMs) {
      // First without a lock: most often there is nothing, and a writer would hold up others.
      const [batch, submission] = [
        await mostOverdue(database, 'intermodal_batch', nowMs),
        await mostOverdue(database, 'intermodal_submission', nowMs),
      ];
      const lease: Lease = { nowMs, leaseMs };
      const claimBatchFirst = (batch ?? Infinity) <= (submission ?? Infinity);
      const claims = claimBatchFirst ? [claimBatch, claimSubmission] : [claimSubmission, claimBatch];
      if (batch === undefined && submission === undefined) return undefined;
      for (const claim of claims) {
        const work = await claim(database, differences, lease);
        if (work !== undefined) return work;
      }
      return undefined;
    },

    async renew(work, untilMs) {
      const { numUpdatedRows } = await held(database, work, { held_until_ms: untilMs });
      return numUpdatedRows === 1n;
    },

    async release(work, dueAtMs) {
      await held(database, work, released(dueAtMs));
    },

    async nextDueMs() {
      const times = await Promise.all(
        (['intermodal_batch', 'intermodal_submission'] as const).map(async (table) => {
          const row = await database
            .selectFrom(table)
            .select(
              sql<
                number | null
              >`min(case when held_until_ms > due_at_ms then held_until_ms else due_at_ms end)`.as('due'),
            )
            .where(isLive)
            .executeTakeFirstOrThrow();
          return row.due;
        }),
      );
      const known = times.filter((time) => time !== null);
      return known.length === 0 ? undefined : Math.min(...known);
    },
  };
}

interface Lease {
  readonly nowMs: number;
  readonly leaseMs: number;
}

type HeldTable = 'intermodal_batch' | 'intermodal_submission';

async function mostOverdue(database: Kysely<Database>, table: HeldTable, nowMs: number) {
  const row = await database
    .selectFrom(table)
    .select('due_at_ms')
    .where(isLive)
    .where('due_at_ms', '<=', nowMs)
    .where('held_until_ms', '<=', nowMs)
    .orderBy('due_at_ms')
    .limit(1)
    .executeTakeFirst();
  return row?.due_at_ms;
}

async function claimBatch(
  database: Kysely<Database>,
  { takeRows }: Differences,
  lease: Lease,
): Promise<Work | undefined> {
  const row = await database
    .updateTable('intermodal_batch')
    .set(claimed(lease))
    .where('no', '=', (rows) =>
      rows
        .selectFrom('intermodal_batch')
        .select('no')
        .where(isLive)
        .where('due_at_ms', '<=', lease.nowMs)
        .where('held_until_ms', '<=', lease.nowMs)
        .orderBy('due_at_ms')
        .limit(1)
        .modifyEnd(takeRows),
    )
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? undefined : { kind: 'batch', batch: readBatch(row), claim: claimOf(row) };
}

async function claimSubmission(
  database: Kysely<Database>,
  { takeRows }: Differences,
  lease: Lease,
): Promise<Work | undefined> {
  const row = await database
    .updateTable('intermodal_submission')
    .set(claimed(lease))
    .where('id', '=', (rows) =>
      rows
        .selectFrom('intermodal_submission')
        .select('id')
        .where(isLive)
        .where('due_at_ms', '<=', lease.nowMs)
        .where('held_until_ms', '<=', lease.nowMs)
        .orderBy('due_at_ms')
        .limit(1)
        .modifyEnd(takeRows),
    )
    .returningAll()
    .executeTakeFirst();
  return row === undefined
    ? undefined
    : { kind: 'submission', submission: readSubmission(row), claim: claimOf(row) };
}

function claimed({ nowMs, leaseMs }: Lease) {
  return { held_until_ms: nowMs + leaseMs, woken_at_ms: null, fence: sql<number>`fence + 1` };
}

function claimOf(row: HeldColumns): Claim {
  return { fence: row.fence };
}

/** Changes a row in the name of a claim; no row where the claim was lost, or let go. */
function held(
  database: Kysely<Database>,
  work: Work,
  set: { held_until_ms: number } | ReturnType<typeof released>,
) {
  if (work.kind === 'batch') {
    return database
      .updateTable('intermodal_batch')
      .set(set)
      .where('no', '=', work.batch.no)
      .where('fence', '=', work.claim.fence)
      .where('held_until_ms', '>', 0)
      .executeTakeFirstOrThrow();
  }
  return database
    .updateTable('intermodal_submission')
    .set(set)
    .where('id', '=', work.submission.id)
    .where('fence', '=', work.claim.fence)
    .where('held_until_ms', '>', 0)
    .executeTakeFirstOrThrow();
}
