/** What became of the items, by the adapter that it became them at. */
import { parseTarget } from '../../src/core/target.ts';
import type { Evidence } from './evidence.ts';
import { strikesOf } from './judge.ts';
import { type Adapter, adapterNames } from './plan.ts';

export interface Row {
  /** Sent to it, as often as they were. */
  sent: number;
  answered: number;
  alone: number;
  /** Rounds that failed there, and were an item's first, second and third strike. */
  strikes: [number, number, number];
  /** Answers of the wrong form. */
  form: number;
  submissions: number;
  refused: number;
  adopted: number;
}

export type Table = Readonly<Record<Adapter, Row>>;

export function tableOf({ batches }: Evidence): Table {
  const rows = new Map<string, Row>();
  const rowOf = (target: string): Row => {
    const name = parseTarget(target)?.provider ?? target;
    const known = rows.get(name) ?? empty();
    rows.set(name, known);
    return known;
  };
  for (const one of batches) {
    for (const { target, state, items, how, handle, error } of one.submissions.values()) {
      const row = rowOf(target);
      row.submissions += 1;
      if (state === 'refused' || how === 'refused') row.refused += 1;
      else row.sent += items;
      // An error that was written down before it was found again.
      if (handle !== undefined && error !== undefined && how !== 'refused' && how !== 'failed')
        row.adopted += 1;
    }
    for (const item of one.items) {
      let strikes = 0;
      const attempts = one.attempts.get(item.seq) ?? [];
      strikesOf(one, item).forEach((kind, index) => {
        const row = rowOf(attempts[index]?.target ?? '');
        if (kind === 'form') row.form += 1;
        if (kind === 'strike' && strikes < 3) row.strikes[strikes++] = (row.strikes[strikes - 1] ?? 0) + 1;
      });
      if (item.state !== 'done') continue;
      const submission = one.submissions.get(item.submission ?? '');
      const told = String(one.lines.get(item.customId)?.[0]?.intermodal['target'] ?? '');
      const row = rowOf(submission?.target ?? told);
      if (submission === undefined) row.alone += 1;
      else row.answered += 1;
    }
  }
  return Object.fromEntries(adapterNames.map((name) => [name, rows.get(name) ?? empty()])) as Table;
}

export function printTable(table: Table, print: (line: string) => void): void {
  const columns = [
    'sent',
    'answered',
    'alone',
    'strike 1',
    'strike 2',
    'strike 3',
    'form',
    'submissions',
    'refused',
    'adopted',
  ];
  print(`  ${'adapter'.padEnd(10)}${columns.map((name) => name.padStart(12)).join('')}`);
  for (const name of adapterNames) {
    const { sent, answered, alone, strikes, form, submissions, refused, adopted } = table[name];
    const cells = [sent, answered, alone, ...strikes, form, submissions, refused, adopted];
    print(`  ${name.padEnd(10)}${cells.map((cell) => String(cell).padStart(12)).join('')}`);
  }
}

/** Why, and how many. */
export function deadReasons({ batches }: Evidence): ReadonlyMap<string, number> {
  const reasons = new Map<string, number>();
  for (const { items } of batches)
    for (const { state, error } of items)
      if (state === 'dead') reasons.set(error?.code ?? '?', (reasons.get(error?.code ?? '?') ?? 0) + 1);
  return reasons;
}

const empty = (): Row => ({
  sent: 0,
  answered: 0,
  alone: 0,
  strikes: [0, 0, 0],
  form: 0,
  submissions: 0,
  refused: 0,
  adopted: 0,
});
