/** All that is known after the run: rows of the store, the ledger, the providers' bill, and what the caller was given. */
import type { Batch, Item, ItemAttempt, Lane, Submission } from '../../src/batch/contract.ts';
import type { InvoiceLine } from '../../src/simulator/invoice.ts';
import type { LedgerEntry } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { type BatchView, type ResultLine, results } from '../road/caller.ts';
import type { Scene } from '../road/scene.ts';

export interface BatchEvidence {
  readonly batch: Batch;
  readonly lanes: ReadonlyMap<number, Lane>;
  readonly items: readonly Item[];
  readonly attempts: ReadonlyMap<number, readonly ItemAttempt[]>;
  readonly submissions: ReadonlyMap<string, Submission>;
  /** What the caller was given, by `custom_id`; two lines of one are two here. */
  readonly lines: ReadonlyMap<string, readonly ResultLine[]>;
}

export interface Evidence {
  readonly batches: readonly BatchEvidence[];
  readonly ledger: readonly LedgerEntry[];
  readonly invoice: readonly InvoiceLine[];
}

const pageItems = 2_000;

/** Ends the gateway, whose ledger is whole then. */
export async function gather(scene: Scene, views: readonly BatchView[]): Promise<Evidence> {
  const given: ResultLine[][] = [];
  for (const view of views) {
    const lines: ResultLine[] = [];
    for (const file of [view.output_file_id, view.error_file_id])
      for await (const line of results(scene.gateway.url, file)) lines.push(line);
    given.push(lines);
  }
  const invoice = await readInvoice(scene);
  await scene.gateway.stop();
  const stores = await openStores(scene.storeFile);
  try {
    const batches: BatchEvidence[] = [];
    for (const [index, view] of views.entries()) {
      const batch = await stores.batch.batches.get('', view.id);
      if (batch === undefined) throw new Error(`${view.id} is not in the store.`);
      const { items: rows, submissions } = stores.batch;
      const items: Item[] = [];
      const attempts: ItemAttempt[] = [];
      for (let after = 0; ; ) {
        const page = await rows.page(batch.no, after, pageItems);
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.seq;
        items.push(...page);
        attempts.push(
          ...(await rows.attempts(
            batch.no,
            page.map(({ seq }) => seq),
          )),
        );
      }
      batches.push({
        batch,
        lanes: new Map((await rows.lanes(batch.no)).map((lane) => [lane.lane, lane])),
        items,
        attempts: Map.groupBy(attempts, ({ seq }) => seq),
        submissions: new Map((await submissions.ofBatch(batch.no)).map((one) => [one.id, one])),
        lines: Map.groupBy(given[index] ?? [], (line) => line.custom_id),
      });
    }
    return { batches, invoice, ledger: await stores.ledger.list({}, 1_000_000) };
  } finally {
    await stores.close();
  }
}

async function readInvoice(scene: Scene): Promise<readonly InvoiceLine[]> {
  const response = await fetch(`${scene.simulator.url}/~simulator/invoice?format=jsonl`);
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): InvoiceLine => JSON.parse(line));
}
