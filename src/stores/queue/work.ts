/**
 * What workers do with requests of way `queue`. A claim finds the first by rank, passes over those that others are taking, and takes
 * them, in one statement: two claimers never get the same. Who claims one holds it for a while, and its fence grows; what is done in the
 * name of an older fence does nothing. A holder that died is passed over by time alone: its row is as due as it was.
 */
import { type Kysely, sql } from 'kysely';
import type { Connection, Database } from '../database.ts';
import type { Claimable, HeldRequest, QueueRows } from './contract.ts';
import { withBodies } from './reading.ts';
import { answerColumns } from './row.ts';
import { inQueue, isLive } from './tables.ts';

type WorkRows = Pick<QueueRows, 'claim' | 'renew' | 'release' | 'settle' | 'nextDueMs'>;

export function createWork({ database, differences }: Connection): WorkRows {
  return {
    async claim(nowMs, leaseMs, limit, which = {}) {
      if (limit <= 0) return [];
      // First without a lock: most often there is nothing, and a writer would hold up others.
      const due = await claimable(database, nowMs, which).limit(1).executeTakeFirst();
      if (due === undefined) return [];
      const rows = await database
        .with(
          (name) => name('taken').materialized(),
          (names) => claimable(names, nowMs, which).limit(limit).modifyEnd(differences.takeRows),
        )
        .updateTable('intermodal_queued')
        .set({
          state: 'calling',
          held_until_ms: nowMs + leaseMs,
          fence: sql<number>`fence + 1`,
          tries: sql<number>`tries + 1`,
        })
        .where('id', 'in', (names) => names.selectFrom('taken').select('id'))
        .returningAll()
        .execute();
      const first = which.deadlineBeforeMs === undefined ? 'rank_ms' : 'deadline_at_ms';
      rows.sort((one, other) => one[first] - other[first]);
      const requests = await withBodies(database, rows);
      const fences = new Map(rows.map(({ id, fence }) => [id, fence]));
      return requests.map((request) => ({ request, fence: fences.get(request.id) ?? 0 }));
    },

    async renew(held, untilMs) {
      if (held.length === 0) return [];
      return database.transaction().execute(async (transaction) => {
        const lost: HeldRequest[] = [];
        for (const one of held) {
          const { numUpdatedRows } = await heldBy(
            transaction.updateTable('intermodal_queued').set({ held_until_ms: untilMs }),
            one,
          )
            .where('state', '=', 'calling')
            .executeTakeFirstOrThrow();
          if (numUpdatedRows !== 1n) lost.push(one);
        }
        return lost;
      });
    },

    async release(held, dueAtMs, counted = true) {
      const { numUpdatedRows } = await heldBy(
        database.updateTable('intermodal_queued').set((row) => ({
          state: 'waiting',
          held_until_ms: 0,
          due_at_ms: dueAtMs,
          tries: counted ? row.ref('tries') : row('tries', '-', 1),
        })),
        held,
      )
        .where('state', '=', 'calling')
        .executeTakeFirstOrThrow();
      return numUpdatedRows === 1n;
    },

    settle: (settled, nowMs) =>
      database.transaction().execute(async (transaction) => {
        const kept: boolean[] = [];
        for (const { held, state, answer, costNanoUsd } of settled) {
          const { numUpdatedRows } = await heldBy(
            transaction.updateTable('intermodal_queued').set({
              ...answerColumns(answer),
              state,
              live: 0,
              held_until_ms: 0,
              cost_nano_usd: costNanoUsd,
              ended_at_ms: nowMs,
            }),
            held,
          )
            .where('state', '=', 'calling')
            .executeTakeFirstOrThrow();
          kept.push(numUpdatedRows === 1n);
        }
        return kept;
      }),

    async nextDueMs() {
      const row = await database
        .selectFrom('intermodal_queued')
        .select(
          sql<
            number | null
          >`min(case when held_until_ms > due_at_ms then held_until_ms else due_at_ms end)`.as('due'),
        )
        .where(isLive)
        .where(inQueue)
        .executeTakeFirstOrThrow();
      return row.due ?? undefined;
    },
  };
}

/** Ids, in the order in which they are claimed. */
function claimable(
  names: Pick<Kysely<Database>, 'selectFrom'>,
  nowMs: number,
  { deadlineBeforeMs, exceptRoutes = [] }: Claimable,
) {
  let query = names
    .selectFrom('intermodal_queued')
    .select('id')
    .where(isLive)
    .where(inQueue)
    .where('due_at_ms', '<=', nowMs)
    .where('held_until_ms', '<=', nowMs);
  if (exceptRoutes.length > 0) query = query.where('route', 'not in', exceptRoutes);
  return deadlineBeforeMs === undefined
    ? query.orderBy('rank_ms')
    : query.where('deadline_at_ms', '<', deadlineBeforeMs).orderBy('deadline_at_ms');
}

/** No row where the claim was lost. */
function heldBy<Query extends { where(column: 'id' | 'fence', is: '=', value: string | number): Query }>(
  query: Query,
  held: HeldRequest,
): Query {
  return query.where('id', '=', held.request.id).where('fence', '=', held.fence);
}
