/**
 * The simulator's bill held against the ledger: no item is paid twice, but for calls and submissions of which the ledger says that nobody can know
 * whether they were made; and what was paid is in the ledger.
 */
import type { LedgerEntry } from '../../src/stores/contract.ts';
import type { Played } from './campaign.ts';

export interface BillLine {
  /** Of each an item is paid once: the strong model of a cascade is another's. */
  readonly instance: string;
  readonly note?: string;
  readonly operation: string;
  readonly batch?: { readonly job: string; readonly item: string };
}

export interface Audit {
  readonly problems: readonly string[];
  readonly paid: number;
  /** Payments beyond the first of an item, all declared. */
  readonly again: number;
  /** Entries of the ledger that say `unknown`. */
  readonly unknown: { readonly submissions: number; readonly calls: number };
}

/** `submissions`: ids of all that the batch has made. */
export function audit(
  played: Played,
  bill: readonly BillLine[],
  entries: readonly LedgerEntry[],
  submissions: readonly string[],
): Audit {
  /** Ids of items begin with their submission's, or with the last six letters of it where ids must be short. */
  const submissionOf = (item: string): string =>
    submissions.find((id) => item.startsWith(id) || item.startsWith(id.slice(-6))) ?? item;
  const problems: string[] = [];
  const unknown = entries.filter(({ outcome }) => outcome === 'unknown');
  const isCall = ({ id }: LedgerEntry): boolean => id.startsWith(`${played.batch.id}:`);
  const unknownSubmissions = new Set(unknown.filter((entry) => !isCall(entry)).map(({ id }) => id));
  let again = 0;
  for (const lines of groups(bill, ({ instance, note = '' }) => `${instance} ${note}`).values()) {
    const note = lines[0]?.note ?? '';
    const seq = Number(note.slice(note.lastIndexOf('-') + 1)) + 1;
    const inJobs = lines.filter(({ batch }) => batch !== undefined);
    const declared =
      inJobs.filter(({ batch }) => unknownSubmissions.has(submissionOf(batch?.item ?? ''))).length +
      Math.min(
        lines.length - inJobs.length,
        unknown.filter(({ id }) => id.startsWith(`${played.batch.id}:${seq}:`)).length,
      );
    if (lines.length - declared > 1)
      problems.push(`${note} was paid ${lines.length} times, and ${declared} of them are declared`);
    again += lines.length - 1;
  }
  const jobLines = bill.filter(({ batch }) => batch !== undefined);
  for (const [id, lines] of groups(jobLines, ({ batch }) => submissionOf(batch?.item ?? ''))) {
    const entry = entries.find((one) => one.id === id);
    if (entry === undefined)
      problems.push(`${lines.length} answers of ${id} were paid, and the ledger has none`);
    else if (entry.outcome !== 'unknown' && entry.items !== lines.length)
      problems.push(`${lines.length} answers of ${id} were paid, and the ledger has ${entry.items}`);
  }
  const calls = unknown.filter(isCall).length;
  return {
    problems: problems.length > 5 ? [...problems.slice(0, 5), `and ${problems.length - 5} more`] : problems,
    paid: bill.length,
    again,
    unknown: { submissions: unknownSubmissions.size, calls },
  };
}

function groups<T>(list: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const one of list) {
    const key = keyOf(one);
    const group = found.get(key);
    if (group === undefined) found.set(key, [one]);
    else group.push(one);
  }
  return found;
}
