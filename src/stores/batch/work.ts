/**
 * What is due, and who does it. A claim is one statement that finds the most overdue row, passes over those that others are taking,
 * and takes it: two claimers never get the same.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Connection, Database } from '../database.ts';
import type { Differences } from '../differences.ts';
import { readBatch } from './batch-row.ts';
import type { Claim, PassedOver, Work, WorkRows } from './contract.ts';
import { released } from './held.ts';
import { readSubmission } from './submission-row.ts';
import type { BatchTable, HeldColumns, SubmissionTable } from './tables.ts';

/** The condition of the due indexes, word for word, without which SQLite does not use them. */
const isLive = sql<boolean>`live = 1`;

export function createWorkRows({ database, differences }: Connection): WorkRows {
  return {
    async claim(nowMs, leaseMs, passedOver = nothing) {
      // First without a lock: most often there is nothing, and a writer would hold up others.
      const [batch, submission] = [
        await mostOverdue(database, batches, nowMs, passedOver),
        await mostOverdue(database, submissions, nowMs, passedOver),
      ];
      const lease: Lease = { nowMs, leaseMs, passedOver };
      if (batch === undefined && submission === undefined) return undefined;
      const ofBatches = () => claimRow(database, differences, batches, lease);
      const ofSubmissions = () => claimRow(database, differences, submissions, lease);
      const batchFirst = (batch ?? Infinity) <= (submission ?? Infinity);
      if (batchFirst) return (await ofBatches()) ?? ofSubmissions();
      return (await ofSubmissions()) ?? ofBatches();
    },

    async renew(work, untilMs) {
      const { numUpdatedRows } = await held(database, work, { held_until_ms: untilMs });
      return numUpdatedRows === 1n;
    },

    async release(work, dueAtMs) {
      await held(database, work, released(dueAtMs));
    },

    async nextDueMs(passedOver = nothing) {
      const times = await Promise.all(
        [batches, submissions].map(async ({ table, kind }) => {
          const row = await database
            .selectFrom(table)
            .select(
              sql<
                number | null
              >`min(case when held_until_ms > due_at_ms then held_until_ms else due_at_ms end)`.as('due'),
            )
            .where(isLive)
            .where(notIn(passedOver[kind]))
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
  readonly passedOver: PassedOver;
}

const nothing: PassedOver = { batch: [], submission: [] };

function notIn(states: readonly string[]): RawBuilder<boolean> {
  return states.length === 0 ? sql`true` : sql`state not in (${sql.join(states)})`;
}

type HeldTable = 'intermodal_batch' | 'intermodal_submission';

/** One of the two tables whose rows are claimed. */
interface HeldRows<Row> {
  readonly kind: Work['kind'];
  readonly table: HeldTable;
  readonly key: string;
  readonly work: (row: Row, claim: Claim) => Work;
}

const batches: HeldRows<BatchTable> = {
  kind: 'batch',
  table: 'intermodal_batch',
  key: 'no',
  work: (row, claim) => ({ kind: 'batch', batch: readBatch(row), claim }),
};

const submissions: HeldRows<SubmissionTable> = {
  kind: 'submission',
  table: 'intermodal_submission',
  key: 'id',
  work: (row, claim) => ({ kind: 'submission', submission: readSubmission(row), claim }),
};

async function mostOverdue(
  database: Kysely<Database>,
  { table, kind }: Pick<HeldRows<never>, 'table' | 'kind'>,
  nowMs: number,
  passedOver: PassedOver,
) {
  const row = await database
    .selectFrom(table)
    .select('due_at_ms')
    .where(isLive)
    .where('due_at_ms', '<=', nowMs)
    .where('held_until_ms', '<=', nowMs)
    .where(notIn(passedOver[kind]))
    .orderBy('due_at_ms')
    .limit(1)
    .executeTakeFirst();
  return row?.due_at_ms;
}

/** Takes the most overdue row of a table. In plain SQL, since rows of two tables, each with a key of its own, have no type in common. */
async function claimRow<Row extends HeldColumns>(
  database: Kysely<Database>,
  { takeRows }: Differences,
  { kind, table, key, work }: HeldRows<Row>,
  { nowMs, leaseMs, passedOver }: Lease,
): Promise<Work | undefined> {
  const { rows } = await sql<Row>`
    update ${sql.table(table)}
    set held_until_ms = ${nowMs + leaseMs}, woken_at_ms = null, fence = fence + 1
    where ${sql.ref(key)} = (
      select ${sql.ref(key)} from ${sql.table(table)}
      where ${isLive} and due_at_ms <= ${nowMs} and held_until_ms <= ${nowMs} and ${notIn(passedOver[kind])}
      order by due_at_ms
      limit 1
      ${takeRows}
    )
    returning *
  `.execute(database);
  const [row] = rows;
  return row === undefined ? undefined : work(row, { fence: row.fence });
}

/** Changes a row in the name of a claim; no row where the claim was lost, or let go. */
function held(
  database: Kysely<Database>,
  work: Work,
  set: { held_until_ms: number } | ReturnType<typeof released>,
) {
  const { table, key } = work.kind === 'batch' ? batches : submissions;
  return database
    .updateTable(table)
    .set(set)
    .where(sql.ref(key), '=', work.kind === 'batch' ? work.batch.no : work.submission.id)
    .where('fence', '=', work.claim.fence)
    .where('held_until_ms', '>', 0)
    .executeTakeFirstOrThrow();
}
