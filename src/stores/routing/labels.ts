/** Labels on either kind of store. */
import { present } from '../../core/present.ts';
import type { Connection } from '../database.ts';
import type { Label, LabelFilter, LabelStore } from './contract.ts';
import type { LabelTable } from './tables.ts';

/** Eleven parameters each: far from what either kind takes in one statement. */
const chunkRows = 500;

export function createLabelStore({ database }: Connection): LabelStore {
  const matching = ({ route, kind, sinceMs }: LabelFilter) => {
    let query = database.selectFrom('intermodal_label').where('route', '=', route);
    if (kind !== undefined) query = query.where('kind', '=', kind);
    if (sinceMs !== undefined) query = query.where('at_ms', '>=', sinceMs);
    return query;
  };
  return {
    async add(labels) {
      if (labels.length === 0) return;
      await database.transaction().execute(async (transaction) => {
        for (let at = 0; at < labels.length; at += chunkRows)
          await transaction
            .insertInto('intermodal_label')
            .values(labels.slice(at, at + chunkRows).map(writeRow))
            .onConflict((conflict) => conflict.column('id').doNothing())
            .execute();
      });
    },

    async list(filter, limit) {
      const rows = await matching(filter)
        .selectAll()
        .orderBy('at_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(readRow);
    },

    async count(filter) {
      const row = await matching(filter)
        .select((expression) => expression.fn.countAll<number>().as('labels'))
        .executeTakeFirst();
      return Number(row?.labels ?? 0);
    },

    async prune(beforeMs) {
      const done = await database
        .deleteFrom('intermodal_label')
        .where('at_ms', '<', beforeMs)
        .executeTakeFirst();
      return Number(done.numDeletedRows);
    },
  };
}

function writeRow(label: Label): LabelTable {
  return {
    id: label.id,
    route: label.route,
    at_ms: label.atMs,
    kind: label.kind,
    cheap: label.cheap,
    strong: label.strong,
    confidence: label.confidence ?? null,
    agreed: label.agreed ? 1 : 0,
    cheap_nano_usd: label.cheapNanoUsd,
    strong_nano_usd: label.strongNanoUsd,
    features: label.features ?? null,
  };
}

function readRow(row: LabelTable): Label {
  return {
    id: row.id,
    route: row.route,
    atMs: row.at_ms,
    kind: row.kind,
    cheap: row.cheap,
    strong: row.strong,
    agreed: row.agreed === 1,
    cheapNanoUsd: row.cheap_nano_usd,
    strongNanoUsd: row.strong_nano_usd,
    ...present({ confidence: row.confidence ?? undefined, features: row.features ?? undefined }),
  };
}
