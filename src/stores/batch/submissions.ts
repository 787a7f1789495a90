/** The rows of submissions on either kind of store. They are made by `assign`, with their items. */
import { type Kysely, sql } from 'kysely';
import { type SubmissionState, submissionStates, submissionTransitions } from '../../batch/contract.ts';
import type { Connection, Database } from '../database.ts';
import type { Claim, SubmissionRows } from './contract.ts';
import { woken } from './held.ts';
import { liveSubmissionStates, readSubmission, submissionPatchRow } from './submission-row.ts';
import type { SubmissionTable } from './tables.ts';

/** States in which a provider has the submission, may have it, or has its price still to tell. */
const providersStates: readonly SubmissionState[] = ['sending', 'open', 'stopping', 'ended'];

/** And those in which it has not said that it is done. */
const runningStates: readonly SubmissionState[] = ['sending', 'open', 'stopping'];

export function createSubmissionRows({ database }: Connection): SubmissionRows {
  return {
    async get(id) {
      const row = await database
        .selectFrom('intermodal_submission')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst();
      return row === undefined ? undefined : readSubmission(row);
    },

    async ofBatch(batchNo) {
      const rows = await database
        .selectFrom('intermodal_submission')
        .selectAll()
        .where('batch_no', '=', batchNo)
        .orderBy('created_at_ms')
        .orderBy('id')
        .execute();
      return rows.map(readSubmission);
    },

    async move({ submission, claim }, to, patch = {}) {
      const from = submissionStates.filter((state) => submissionTransitions[state].includes(to));
      if (from.length === 0) return false;
      const live = liveSubmissionStates.includes(to) ? 1 : 0;
      // How often it was tried is counted anew in each state.
      const row = { state: to, live, tries: 0, ...submissionPatchRow(patch) };
      return (await change(database, submission.id, claim, row, from)) === 1n;
    },

    async patch({ submission, claim }, patch) {
      const row = submissionPatchRow(patch);
      return (await change(database, submission.id, claim, row, submissionStates)) === 1n;
    },

    async wake(id, dueAtMs) {
      await database
        .updateTable('intermodal_submission')
        .set(woken(dueAtMs, false))
        .where('id', '=', id)
        .execute();
    },

    async wakeHandle(provider, handle, dueAtMs) {
      const rows = await database
        .selectFrom('intermodal_submission')
        .select(['id', 'target'])
        .where('handle', '=', handle)
        .limit(10)
        .execute();
      for (const { id, target } of rows) if (target.startsWith(`${provider}/`)) await this.wake(id, dueAtMs);
    },

    async wakeWaiting(dueAtMs, limit) {
      await database
        .updateTable('intermodal_submission')
        .set(woken(dueAtMs, false))
        .where('id', 'in', (rows) =>
          rows
            .selectFrom('intermodal_submission')
            .select('id')
            // As below.
            .where(sql<boolean>`live = 1`)
            .where('state', '=', 'planned')
            .where('tries', '>', 0)
            .where('due_at_ms', '>', dueAtMs)
            .orderBy('due_at_ms')
            .limit(limit),
        )
        .execute();
    },

    async live() {
      const rows = await database
        .selectFrom('intermodal_submission')
        .selectAll()
        // The index's own condition, word for word, without which SQLite does not use it.
        .where(sql<boolean>`live = 1`)
        .where('state', 'in', providersStates)
        .orderBy('due_at_ms')
        .orderBy('id')
        .execute();
      return rows.map(readSubmission);
    },

    async ages(lateIfSentBeforeMs) {
      const rows = await database
        .selectFrom('intermodal_submission')
        .select(({ fn }) => [
          'target',
          fn.min<number>('sent_at_ms').as('oldest'),
          fn
            .sum<number | string>(
              sql<number>`case when sent_at_ms < cast(${lateIfSentBeforeMs} as bigint) then 1 else 0 end`,
            )
            .as('late'),
        ])
        // As above.
        .where(sql<boolean>`live = 1`)
        .where('state', 'in', runningStates)
        .where('sent_at_ms', 'is not', null)
        .groupBy('target')
        .orderBy('target')
        .execute();
      return rows.map(({ target, oldest, late }) => ({
        target,
        oldestSentAtMs: Number(oldest),
        late: Number(late),
      }));
    },

    async knows(handle) {
      const row = await database
        .selectFrom('intermodal_submission')
        .select('id')
        .where('handle', '=', handle)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}

/** Only in the name of a claim that still holds. */
async function change(
  database: Kysely<Database>,
  id: string,
  claim: Claim,
  row: Partial<SubmissionTable>,
  from: readonly SubmissionState[],
): Promise<bigint> {
  const { numUpdatedRows } = await database
    .updateTable('intermodal_submission')
    // Never empty: a patch of nothing still says whether the claim holds.
    .set({ id, ...row })
    .where('id', '=', id)
    .where('fence', '=', claim.fence)
    .where('held_until_ms', '>', 0)
    .where('state', 'in', from)
    .executeTakeFirstOrThrow();
  return numUpdatedRows;
}
