/** Answers of finished work that may be used again, on either kind of store. Of two of one request the later holds. */
import { setImmediate } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Connection } from '../database.ts';
import { storable } from '../ledger-row.ts';
import { Bulk } from './bulk.ts';
import type { AnswerRows, StoredAnswer } from './contract.ts';
import type { AnswerTable } from './tables.ts';

/** Rows that one delete takes: short enough that other writers of the same file hardly notice. */
const pruneRows = 2000;

const blank: AnswerTable = {
  owner: '',
  hash: '',
  shape: '',
  blob: '',
  range_at: 0,
  range_bytes: 0,
  target: '',
  list_nano_usd: 0,
  at_ms: 0,
};

export function createAnswerRows({ database }: Connection): AnswerRows {
  const insert = new Bulk((rows) =>
    database
      .insertInto('intermodal_answer')
      .values(Array.from({ length: rows }, () => blank))
      .onConflict((conflict) =>
        conflict
          .columns(['owner', 'hash', 'shape'])
          .doUpdateSet((row) => ({
            blob: row.ref('excluded.blob'),
            range_at: row.ref('excluded.range_at'),
            range_bytes: row.ref('excluded.range_bytes'),
            target: row.ref('excluded.target'),
            list_nano_usd: row.ref('excluded.list_nano_usd'),
            at_ms: row.ref('excluded.at_ms'),
          }))
          .whereRef('excluded.at_ms', '>=', 'intermodal_answer.at_ms'),
      )
      .compile(),
  );
  const find = new Bulk<AnswerTable>((rows) =>
    database
      .selectFrom('intermodal_answer')
      .selectAll()
      .where('owner', '=', '')
      .where('at_ms', '>=', 0)
      .where(
        'hash',
        'in',
        Array.from({ length: rows }, () => ''),
      )
      .compile(),
  );

  return {
    async add(answers) {
      const latest = newest(answers);
      if (latest.length === 0) return;
      await database.transaction().execute(async (transaction) => {
        await insert.run(transaction, latest, (answer, values) => {
          values.push(
            storable(answer.owner),
            answer.hash,
            answer.shape,
            answer.blob,
            answer.at,
            answer.bytes,
            answer.target,
            answer.listNanoUsd,
            answer.atMs,
          );
        });
      });
    },

    async find(owner, hashes, notBeforeMs) {
      const wanted = [...new Set(hashes)];
      const before = [storable(owner), notBeforeMs];
      const rows = await find.run(database, wanted, (hash, values) => values.push(hash), {
        before,
      });
      return rows.map(readRow);
    },

    async prune(beforeMs) {
      // Ends: each round deletes what it finds, and what is answered from now on is not before that time.
      for (;;) {
        const { rows } = await sql`
          delete from intermodal_answer where (owner, hash, shape) in (
            select owner, hash, shape from intermodal_answer
            where at_ms < ${beforeMs} order by at_ms limit ${sql.lit(pruneRows)}
          ) returning hash`.execute(database);
        if (rows.length < pruneRows) return;
        await setImmediate();
      }
    },
  };
}

/** Postgres refuses to write a row twice in one statement. */
function newest(answers: readonly StoredAnswer[]): readonly StoredAnswer[] {
  const byName = new Map<string, StoredAnswer>();
  for (const answer of answers) {
    const name = JSON.stringify([answer.owner, answer.hash, answer.shape]);
    const other = byName.get(name);
    if (other === undefined || other.atMs <= answer.atMs) byName.set(name, answer);
  }
  return [...byName.values()];
}

function readRow(row: AnswerTable): StoredAnswer {
  return {
    owner: row.owner,
    hash: row.hash,
    shape: row.shape,
    blob: row.blob,
    at: row.range_at,
    bytes: row.range_bytes,
    target: row.target,
    listNanoUsd: row.list_nano_usd,
    atMs: row.at_ms,
  };
}
