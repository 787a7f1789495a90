/** The providers' bill held against what was asked and against the ledger: nothing is paid twice but what the ledger says nobody can know. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Stores } from '../../src/stores/contract.ts';

const line = z.object({
  note: z.string().optional(),
  model: z.string(),
  nanoUsd: z.number(),
  batch: z.object({ job: z.string(), item: z.string() }).optional(),
});

export interface Bill {
  readonly paid: number;
  /** Payments beyond the first of one item or call. */
  readonly again: number;
  /** Of these, by items of a submission or calls that the ledger has as `unknown`. */
  readonly declared: number;
  readonly nanoUsdOf: (model: string) => number;
}

export async function readBill(simulatorUrl: string, stores: Stores): Promise<Bill> {
  const entries = await stores.ledger.list({}, 1_000_000);
  const unknown = entries.filter(({ outcome }) => outcome === 'unknown');
  // An item's id begins with its submission's, which is the id of its entry.
  const unknownSubmissions = new Set(unknown.map(({ id }) => id));
  const byNote = new Map<string, { count: number; declared: number }>();
  const byModel = new Map<string, number>();
  let paid = 0;
  const response = await fetch(`${simulatorUrl}/~simulator/invoice?format=jsonl`);
  if (!response.ok || response.body === null) throw new Error(`The bill: ${response.status}`);
  for await (const text of createInterface({ input: Readable.fromWeb(response.body) })) {
    if (text === '') continue;
    const { note = '', model, nanoUsd, batch } = line.parse(JSON.parse(text));
    paid += 1;
    byModel.set(model, (byModel.get(model) ?? 0) + nanoUsd);
    const known = byNote.get(note) ?? { count: 0, declared: 0 };
    known.count += 1;
    if (batch !== undefined && unknownSubmissions.has(batch.item.slice(0, 12))) known.declared += 1;
    byNote.set(note, known);
  }
  let again = 0;
  let declared = 0;
  for (const { count, declared: known } of byNote.values()) {
    if (count < 2) continue;
    again += count - 1;
    declared += Math.min(count - 1, known);
  }
  // Calls are declared one by one; how many of them were really made twice nobody can know.
  const calls = unknown.filter(({ mode }) => mode !== 'batch').length;
  return {
    paid,
    again,
    declared: Math.min(again, declared + calls),
    nanoUsdOf: (model) => byModel.get(model) ?? 0,
  };
}
