/**
 * What waits to be planned, by lane and step. All of it is in one index, in which `due` and `nextDueMs` walk by the ten thousand: a
 * million items that wait are counted in some fifteen steps, between which others are served.
 */
import { setImmediate } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { Connection, Database } from '../database.ts';
import type { ItemRows } from './contract.ts';
import { itemStateCodes } from './item-states.ts';

/** Some 15 ms of SQLite's. More would hold up requests, fewer would cost more statements than they spare. */
const walkItems = 50_000;

/** The waiting index's own condition, word for word, without which SQLite does not use it. */
export const isWaiting = sql<boolean>`state = ${sql.lit(itemStateCodes.waiting)}`;

interface Group {
  readonly lane: number;
  readonly step: number;
  readonly all: number;
  readonly lastSeq: number;
  readonly items: number;
  readonly bytes: number;
  readonly inputTokens: number;
  readonly strikes: number;
  readonly nextDueMs: number;
}

export function createWaiting({ database }: Connection): Pick<ItemRows, 'due' | 'nextDueMs'> {
  return {
    async due(batchNo, nowMs) {
      const sums = new Map<string, Omit<Group, 'all' | 'lastSeq' | 'nextDueMs'>>();
      for await (const group of walk(database, batchNo, nowMs)) {
        if (group.items === 0) continue;
        const { lane, step } = group;
        const name = `${lane}/${step}`;
        const sum = sums.get(name) ?? { lane, step, items: 0, bytes: 0, inputTokens: 0, strikes: 0 };
        sums.set(name, {
          lane,
          step,
          items: sum.items + group.items,
          bytes: sum.bytes + group.bytes,
          inputTokens: sum.inputTokens + group.inputTokens,
          strikes: Math.max(sum.strikes, group.strikes),
        });
      }
      return [...sums.values()];
    },

    async nextDueMs(batchNo) {
      let next: number | undefined;
      for await (const { nextDueMs } of walk(database, batchNo, 0)) {
        next = Math.min(next ?? nextDueMs, nextDueMs);
      }
      return next;
    },
  };
}

/** Groups in the order of the index; one that a step cuts comes in parts. */
async function* walk(database: Kysely<Database>, batchNo: number, nowMs: number): AsyncIterable<Group> {
  let after = { lane: -1, step: -1, lastSeq: -1 };
  // Ends: each round begins after what the last one saw.
  for (;;) {
    const { rows } = await sql<Group>`
      select lane, step, count(*) as "all", max(seq) as "lastSeq",
        cast(sum(case when due_at_ms <= ${nowMs} then 1 else 0 end) as bigint) as "items",
        cast(sum(case when due_at_ms <= ${nowMs} then line_bytes else 0 end) as bigint) as "bytes",
        cast(sum(case when due_at_ms <= ${nowMs} then input_tokens else 0 end) as bigint) as "inputTokens",
        max(case when due_at_ms <= ${nowMs} then strikes else 0 end) as "strikes",
        min(due_at_ms) as "nextDueMs"
      from (
        select lane, step, seq, due_at_ms, line_bytes, input_tokens, strikes from intermodal_item
        where batch_no = ${batchNo} and ${isWaiting}
          and (lane, step, seq) > (${after.lane}, ${after.step}, ${after.lastSeq})
        order by lane, step, seq limit ${sql.lit(walkItems)}
      ) as walked
      group by lane, step order by lane, step`.execute(database);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.reduce((sum, { all }) => sum + all, 0) < walkItems) return;
    after = last;
    await setImmediate();
  }
}
