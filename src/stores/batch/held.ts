/**
 * Rows that workers claim: batches and submissions. Who claims one holds it for a while, and its fence grows; what is done in the
 * name of an older fence does nothing. A holder that died is passed over by time alone: its row is as overdue as it was.
 */
import { type RawBuilder, sql } from 'kysely';
import type { HeldColumns } from './tables.ts';

export const unheld: HeldColumns = { live: 1, due_at_ms: 0, held_until_ms: 0, woken_at_ms: null, fence: 0 };

type Setting = RawBuilder<number>;
type MaybeSetting = RawBuilder<number | null>;

/** A wake that comes while the row is held waits in a column of its own, so that the release cannot lose it. */
export function woken(dueAtMs: number, later: boolean): { due_at_ms: Setting; woken_at_ms: MaybeSetting } {
  const due = time(dueAtMs);
  const soonest = (column: string): Setting =>
    later ? due : sql`case when ${sql.ref(column)} < ${due} then ${sql.ref(column)} else ${due} end`;
  return {
    due_at_ms: sql`case when held_until_ms > 0 then due_at_ms else ${soonest('due_at_ms')} end`,
    woken_at_ms: sql`case when held_until_ms > 0 then ${soonest('woken_at_ms')} end`,
  };
}

export function released(dueAtMs: number): {
  due_at_ms: Setting;
  held_until_ms: number;
  woken_at_ms: null;
} {
  const due = time(dueAtMs);
  return {
    due_at_ms: sql`case when woken_at_ms < ${due} then woken_at_ms else ${due} end`,
    held_until_ms: 0,
    woken_at_ms: null,
  };
}

/** Postgres takes a parameter in a `case` for text unless told otherwise. */
function time(ms: number): Setting {
  return sql`cast(${ms} as bigint)`;
}
