/**
 * What is done to many items alike: going back, cancelling, expiring, twins, dead letters. Each takes part of the lines at a time, in a
 * transaction of its own, so that a million cancelled items hold up nobody; broken off, it is begun again and takes what is left.
 */
import { setImmediate } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { ItemAttempt, ItemState } from '../../batch/contract.ts';
import type { Connection, Database } from '../database.ts';
import { rowOf } from './batches.ts';
import { type Bulk, turnItems } from './bulk.ts';
import type { ItemRows } from './contract.ts';
import { lockBatch, Moves } from './counters.ts';
import { pushAttempt } from './item-row.ts';
import { countColumns, finalItemStates, firstRareCode, itemStateCodes, itemStateOf } from './item-states.ts';
import { attemptInsert, attemptsOf, type Changed, staysIn } from './items-settle.ts';

type From = Parameters<ItemRows['settleAll']>[1];
type To = Parameters<ItemRows['settleAll']>[2];
/** Which of those that lie together. */
type Which = Pick<From, 'lane' | 'step' | 'answered'>;

interface Sweep {
  readonly connection: Connection;
  readonly attempts: Bulk<unknown>;
  readonly batchNo: number;
}

/** Lines after the first, up to the last. */
interface Lines {
  readonly after: number;
  readonly last: number;
}

export function createSweep(connection: Connection): Pick<ItemRows, 'settleAll' | 'settleTwins' | 'revive'> {
  const attempts = attemptInsert(connection.database);
  return {
    async settleAll(batchNo, { submission, states, ...which }, to) {
      const sweep: Sweep = { connection, attempts, batchNo };
      if (submission === undefined) {
        let settled = 0;
        for (const state of states ?? []) settled += await settleState(sweep, state, which, to);
        return settled;
      }
      const within = states === undefined || states.includes('submitted');
      return within ? settleSubmission(sweep, submission, which, to) : 0;
    },

    async settleTwins(batchNo) {
      const sweep: Sweep = { connection, attempts, batchNo };
      let after = 0;
      // Ends: each round begins after what the last one saw.
      for (;;) {
        const last = await lastOfPart(connection.database, batchNo, 'twin', after);
        if (last === undefined) break;
        await settleTwinPart(sweep, { after, last });
        after = last;
        await setImmediate();
      }
      return (await rowOf(connection.database, batchNo))?.twin_items ?? 0;
    },

    async revive(batchNo, nowMs) {
      const sweep: Sweep = { connection, attempts, batchNo };
      let [after, revived] = [0, 0];
      // Ends: each round begins after what the last one saw.
      for (;;) {
        const last = await lastOfPart(connection.database, batchNo, 'dead', after);
        if (last === undefined) return revived;
        revived += await revivePart(sweep, { after, last }, nowMs);
        after = last;
        await setImmediate();
      }
    },
  };
}

/** All of a state, by parts of the batch's lines: no index tells where those are that are common. */
async function settleState(sweep: Sweep, state: ItemState, which: Which, to: To): Promise<number> {
  const { connection, batchNo } = sweep;
  const batch = await rowOf(connection.database, batchNo);
  if (batch === undefined) return 0;
  const expected = batch[countColumns[state]];
  let settled = 0;
  for (let after = 0; after < batch.assembled_lines && settled < expected; after += turnItems) {
    settled += await settlePart(sweep, state, { after, last: after + turnItems }, which, to);
    await setImmediate();
  }
  return settled;
}

async function settleSubmission(sweep: Sweep, submission: string, which: Which, to: To): Promise<number> {
  let [after, settled] = [0, 0];
  // Ends: each round begins after what the last one saw.
  for (;;) {
    const { last } = await sweep.connection.database
      .selectFrom((rows) =>
        rows
          .selectFrom('intermodal_item')
          .select('seq')
          .where('submission', '=', submission)
          .where('seq', '>', after)
          .orderBy('seq')
          .limit(turnItems)
          .as('part'),
      )
      .select((row) => row.fn.max<number | null>('seq').as('last'))
      .executeTakeFirstOrThrow();
    if (last === null) return settled;
    settled += await settlePart(sweep, 'submitted', { after, last }, which, to, submission);
    after = last;
    await setImmediate();
  }
}

function settlePart(
  { connection, attempts, batchNo }: Sweep,
  from: ItemState,
  { after, last }: Lines,
  { lane, step, answered }: Which,
  to: To,
  submission?: string,
): Promise<number> {
  const code = itemStateCodes[to.state];
  return connection.database.transaction().execute(async (transaction) => {
    await lockBatch(transaction, connection.differences, batchNo);
    let update = transaction
      .updateTable('intermodal_item')
      .set((row) => ({
        state: code,
        attempts: row('attempts', '+', attemptsOf(to)),
        submission: sql<string | null>`case when ${staysIn(sql.lit(code))} then submission end`,
        ...(to.lane === undefined ? {} : { lane: to.lane }),
        ...(to.step === undefined ? {} : { step: to.step }),
        ...(to.strikes === undefined ? {} : { strikes: to.strikes }),
        ...(to.formStrikes === undefined ? {} : { form_strikes: to.formStrikes }),
        ...(to.dueAtMs === undefined ? {} : { due_at_ms: to.dueAtMs }),
        ...(to.error === undefined ? {} : { error: JSON.stringify(to.error) }),
      }))
      .where('seq', '>', after)
      .where('seq', '<=', last)
      .where('state', '=', itemStateCodes[from]);
    update =
      submission === undefined
        ? update.where('batch_no', '=', batchNo)
        : update.where('submission', '=', submission).where(isOf(batchNo));
    if (lane !== undefined) update = update.where('lane', '=', lane);
    if (step !== undefined) update = update.where('step', '=', step);
    if (answered === true) update = update.where('segment', 'is not', null);
    const changed: readonly Changed[] = await update.returning(['seq', 'attempts']).execute();
    const { failed } = to;
    if (failed !== undefined) {
      const failures = changed.map(
        (one): ItemAttempt => ({ ...failed, batchNo, seq: one.seq, attempt: one.attempts }),
      );
      await attempts.run(transaction, failures, pushAttempt);
    }
    const moves = new Moves();
    moves.move(from, to.state, changed.length);
    await moves.write(transaction, batchNo);
    return changed.length;
  });
}

/** The last line of the next some thousand items of a state that the rare index holds. */
async function lastOfPart(
  database: Kysely<Database>,
  batchNo: number,
  state: ItemState,
  after: number,
): Promise<number | undefined> {
  const { rows } = await sql<{ last: number | null }>`
    select max(seq) as last from (
      select seq from intermodal_item
      where batch_no = ${batchNo} and state = ${itemStateCodes[state]} and ${isRare} and seq > ${after}
      order by seq limit ${sql.lit(turnItems)}
    ) as part`.execute(database);
  return rows[0]?.last ?? undefined;
}

/** Of the batch, but not to be looked for by it: SQLite would read all lines between two items of a submission. */
export function isOf(batchNo: number) {
  return sql<boolean>`batch_no + 0 = ${batchNo}`;
}

/** Numbers of a part, from the rare index alone: SQLite would read all lines between. */
function rareSeqs(batchNo: number, state: ItemState, { after, last }: Lines) {
  return sql<number>`(
    select seq from intermodal_item as rare
    where batch_no = ${batchNo} and state = ${sql.lit(itemStateCodes[state])} and ${isRare}
      and seq > ${after} and seq <= ${last})`;
}

/** The rare index's own condition, word for word, without which SQLite does not use it. */
export const isRare = sql<boolean>`state >= ${sql.lit(firstRareCode)}`;

/** A twin has no call of its own: it costs nothing, and would have cost what its original would. */
function settleTwinPart({ connection, batchNo }: Sweep, lines: Lines): Promise<void> {
  const finals = sql.join(finalItemStates.map((state) => sql.lit(itemStateCodes[state])));
  return connection.database.transaction().execute(async (transaction) => {
    await lockBatch(transaction, connection.differences, batchNo);
    const { rows } = await sql<{ state: number; list_nano_usd: number | null }>`
      update intermodal_item set
        state = original.state,
        segment = original.segment,
        result_at = original.result_at,
        result_bytes = original.result_bytes,
        cost_nano_usd = case when original.segment is not null then 0 end,
        list_nano_usd = original.list_nano_usd,
        error = original.error
      from intermodal_item as original
      where intermodal_item.batch_no = ${batchNo}
        and intermodal_item.state = ${sql.lit(itemStateCodes.twin)}
        and intermodal_item.seq in ${rareSeqs(batchNo, 'twin', lines)}
        and original.batch_no = intermodal_item.batch_no
        and original.seq = intermodal_item.twin_of
        and original.state in (${finals})
      returning intermodal_item.state as state, intermodal_item.list_nano_usd as list_nano_usd`.execute(
      transaction,
    );
    const moves = new Moves();
    let listNanoUsd = 0;
    for (const { state, list_nano_usd } of rows) {
      moves.move('twin', itemStateOf(state));
      if (state === itemStateCodes.done) listNanoUsd += list_nano_usd ?? 0;
    }
    await moves.write(transaction, batchNo, { list_nano_usd: listNanoUsd });
  });
}

/** From the start of their chain. A twin that died of its original waits for it again. */
function revivePart({ connection, batchNo }: Sweep, lines: Lines, nowMs: number): Promise<number> {
  const { waiting, twin, dead } = itemStateCodes;
  return connection.database.transaction().execute(async (transaction) => {
    await lockBatch(transaction, connection.differences, batchNo);
    const rows = await transaction
      .updateTable('intermodal_item')
      .set({
        state: sql<number>`case when twin_of is null then ${sql.lit(waiting)} else ${sql.lit(twin)} end`,
        step: 0,
        strikes: 0,
        form_strikes: 0,
        due_at_ms: nowMs,
        submission: null,
        error: null,
      })
      .where('batch_no', '=', batchNo)
      .where('seq', 'in', rareSeqs(batchNo, 'dead', lines))
      .where('state', '=', dead)
      .returning('state')
      .execute();
    const moves = new Moves();
    for (const { state } of rows) moves.move('dead', itemStateOf(state));
    await moves.write(transaction, batchNo);
    return rows.length;
  });
}
