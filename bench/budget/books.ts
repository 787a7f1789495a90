/** Three accounts of one run: the providers' bill, the gateways' ledger, and the budget in Redis. */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { LedgerEntry } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import type { Fleet } from '../fleet/fleet.ts';

const sum = z.object({ calls: z.number(), nanoUsd: z.number() });
const invoiceShape = z.object({
  totalNanoUsd: z.number(),
  calls: z.number(),
  complete: sum,
  open: z.number(),
  lines: z.array(
    z.object({
      note: z.string(),
      nanoUsd: z.number(),
      inputTokens: z.number(),
      outputTokens: z.number(),
      complete: z.boolean(),
      stream: z.boolean(),
    }),
  ),
});

export type InvoiceReport = z.output<typeof invoiceShape>;

export const readInvoice = async (fleet: Fleet, lines: number): Promise<InvoiceReport> =>
  invoiceShape.parse(await fleet.control('GET', `invoice?lines=${lines}`));

export interface Purse {
  readonly usedNanoUsd: number;
  readonly heldNanoUsd: number;
}

export async function readPurse(redis: Redis): Promise<Purse> {
  const [key] = await redis.keys('{intermodal}budget:*');
  const fields = key === undefined ? {} : await redis.hgetall(key);
  return { usedNanoUsd: Number(fields['used'] ?? 0), heldNanoUsd: Number(fields['held'] ?? 0) };
}

export async function readLedger(fleet: Fleet): Promise<readonly LedgerEntry[]> {
  const stores = await openStores(fleet.storeFile);
  try {
    return await stores.ledger.list({}, 1_000_000);
  } finally {
    await stores.close();
  }
}

/** Calls of one kind, as each of the two accounts has them. */
export interface Part {
  readonly name: string;
  entries: number;
  ledgerNanoUsd: number;
  lines: number;
  invoicedNanoUsd: number;
}

export interface Reconciled {
  readonly known: Part;
  /** Broken off by the provider or by the caller: the ledger estimates. */
  readonly cut: Part;
  /** Under way in a process that was killed: the ledger has the most that they can have cost. */
  readonly killed: Part;
  /** Billed, and nowhere in the ledger. */
  readonly missing: Part;
  readonly missingNumbers: readonly number[];
  /** Requests whose exact entries are not, to the nano-dollar, what was billed for them. */
  readonly wrong: readonly { readonly number: string; readonly ledger: number; readonly invoiced: number }[];
}

/** By the request's number: its ledger entries are in one account what its lines are in the other. */
export function reconcile(invoice: InvoiceReport, ledger: readonly LedgerEntry[]): Reconciled {
  const linesOf = Map.groupBy(invoice.lines, ({ note }) => note);
  const entriesOf = Map.groupBy(
    ledger.filter(({ costNanoUsd }) => costNanoUsd > 0),
    ({ tags }) => tags[0] ?? '',
  );
  const known = part('known');
  const cut = part('cut off');
  const killed = part('killed');
  const missing = part('missing');
  const missingNumbers: number[] = [];
  const wrong: { number: string; ledger: number; invoiced: number }[] = [];
  for (const number of new Set([...linesOf.keys(), ...entriesOf.keys()])) {
    const entries = entriesOf.get(number) ?? [];
    const lines = linesOf.get(number) ?? [];
    const ledgerNanoUsd = entries.reduce((total, { costNanoUsd }) => total + costNanoUsd, 0);
    const invoicedNanoUsd = lines.reduce((total, { nanoUsd }) => total + nanoUsd, 0);
    const kind = entries.some(({ outcome }) => outcome === 'unknown')
      ? killed
      : entries.length === 0
        ? missing
        : entries.every(({ exact }) => exact)
          ? known
          : cut;
    if (kind === missing) missingNumbers.push(Number(number.slice(1)));
    kind.entries += entries.length;
    kind.lines += lines.length;
    kind.ledgerNanoUsd += ledgerNanoUsd;
    kind.invoicedNanoUsd += invoicedNanoUsd;
    if (kind === known && ledgerNanoUsd !== invoicedNanoUsd)
      wrong.push({ number, ledger: ledgerNanoUsd, invoiced: invoicedNanoUsd });
  }
  return { known, cut, killed, missing, missingNumbers, wrong };
}

const part = (name: string): Part => ({ name, entries: 0, ledgerNanoUsd: 0, lines: 0, invoicedNanoUsd: 0 });
