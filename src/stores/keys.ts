/** The keys on either kind of store. */
import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { KeyBudgets, KeyLimits, KeyRecord, KeyStore } from './contract.ts';
import type { Connection, Database, KeyTable } from './database.ts';

export function createKeyStore({ database }: Connection): KeyStore {
  return {
    create: (key) =>
      database.transaction().execute(async (transaction) => {
        const inserted = await transaction
          .insertInto('intermodal_key')
          .values(writeRow(key))
          // Without a target: the same id and a live key of that name are both meant.
          .onConflict((conflict) => conflict.doNothing())
          .returning('id')
          .executeTakeFirst();
        if (inserted !== undefined) {
          await countChange(transaction);
          return true;
        }
        // A caller that was not answered asks again: its key is there already.
        const own = await transaction
          .selectFrom('intermodal_key')
          .select('id')
          .where('id', '=', key.id)
          .where('hash', '=', key.hash)
          .executeTakeFirst();
        return own !== undefined;
      }),

    async list() {
      const rows = await database
        .selectFrom('intermodal_key')
        .selectAll()
        .orderBy('created_at_ms')
        .orderBy('id')
        .execute();
      return rows.map(readRow);
    },

    revoke: (idOrName, atMs) =>
      database.transaction().execute(async (transaction) => {
        const found = await transaction
          .selectFrom('intermodal_key')
          .select(['id', 'revoked_at_ms'])
          .where((key) =>
            key.or([
              key('id', '=', idOrName),
              key.and([key('name', '=', idOrName), key('revoked_at_ms', 'is', null)]),
            ]),
          )
          .execute();
        // An id says which key is meant, even where another has taken it for a name.
        const key = found.find((row) => row.id === idOrName) ?? found[0];
        if (key === undefined) return false;
        if (key.revoked_at_ms !== null) return true;
        await transaction
          .updateTable('intermodal_key')
          .set({ revoked_at_ms: atMs })
          .where('id', '=', key.id)
          .where('revoked_at_ms', 'is', null)
          .execute();
        await countChange(transaction);
        return true;
      }),

    async version() {
      const row = await database
        .selectFrom('intermodal_key_version')
        .select('version')
        .executeTakeFirstOrThrow();
      return row.version;
    },
  };
}

/** In the transaction of the change itself: whoever sees the new version sees the change. */
async function countChange(transaction: Kysely<Database>): Promise<void> {
  await transaction
    .updateTable('intermodal_key_version')
    .set((row) => ({ version: row('version', '+', 1) }))
    .execute();
}

function writeRow(key: KeyRecord): KeyTable {
  return {
    id: key.id,
    name: key.name,
    hash: key.hash,
    team: key.team ?? null,
    admin: key.admin ? 1 : 0,
    routes: key.routes === undefined ? null : JSON.stringify(key.routes),
    limits: JSON.stringify(key.limits),
    budgets: JSON.stringify(key.budgets),
    created_at_ms: key.createdAtMs,
    expires_at_ms: key.expiresAtMs ?? null,
    revoked_at_ms: key.revokedAtMs ?? null,
  };
}

const amount = z.number().exactOptional();
const routesSchema = z.array(z.string());
const limitsSchema = z.object({
  requestsPerMinute: amount,
  requestsPerDay: amount,
  inputTokensPerMinute: amount,
  outputTokensPerMinute: amount,
  concurrent: amount,
} satisfies Record<keyof KeyLimits, unknown>);
const budgetsSchema = z.object({
  dailyNanoUsd: amount,
  weeklyNanoUsd: amount,
  monthlyNanoUsd: amount,
} satisfies Record<keyof KeyBudgets, unknown>);

function readRow(row: KeyTable): KeyRecord {
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    ...(row.team === null ? {} : { team: row.team }),
    admin: row.admin === 1,
    ...(row.routes === null ? {} : { routes: routesSchema.parse(JSON.parse(row.routes)) }),
    limits: limitsSchema.parse(JSON.parse(row.limits)),
    budgets: budgetsSchema.parse(JSON.parse(row.budgets)),
    createdAtMs: row.created_at_ms,
    ...(row.expires_at_ms === null ? {} : { expiresAtMs: row.expires_at_ms }),
    ...(row.revoked_at_ms === null ? {} : { revokedAtMs: row.revoked_at_ms }),
  };
}
