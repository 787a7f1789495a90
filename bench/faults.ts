/**
 * Thousands of items over chains through all six adapters, in several batches of mixed models, while everything goes wrong that can: creates
 * that fail or are lost, jobs that fail their validation, polls that are throttled, items that fail, expire, come twice, broken or not at all, JSON that is
 * spoilt, and a provider that nobody reaches. Every item must end with one answer, or as a dead letter that says why, and the bill must be explained.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { gather } from './faults/evidence.ts';
import { type Books, judge } from './faults/judge.ts';
import { lineOf, plan, yaml } from './faults/plan.ts';
import { deadReasons, printTable, tableOf } from './faults/table.ts';
import { type BatchView, create, until, upload } from './road/caller.ts';
import { type Scene, startScene } from './road/scene.ts';

/** Half of it is for the providers' batch APIs; what is open then is asked by single calls. */
/** A batch has so many that Bedrock, which takes no job of fewer than 100, gets one, and its remainders go on. */
const full = { batches: 4, items: 1_760, window: '5m' };
const small = { batches: 1, items: 1_760, window: '2m' };
const longestMs = 450_000;

export const bench: Bench = {
  about:
    'Batches over six adapters while everything goes wrong: every item ends, and every dollar is explained.',
  async run({ quick, print }) {
    const size = quick ? small : full;
    const scene = await startScene({
      yaml,
      plan,
      batch: { poll: ['1s'], retry: ['500ms', '1s'], look_again: '3s', failure_alert: '100%' },
    });
    try {
      const began = performance.now();
      const views = await runBatches(scene, size);
      print(
        `  ${size.batches} batches of ${size.items} items in ${Math.round((performance.now() - began) / 1000)} s`,
      );
      const evidence = await gather(scene, views);
      const table = tableOf(evidence);
      printTable(table, print);
      const { wrong, books } = judge(evidence);
      const items = evidence.batches.flatMap((one) => one.items);
      const counted = (state: string): number => items.filter((item) => item.state === state).length;
      const repaired = evidence.batches.reduce((sum, { batch }) => sum + batch.repaired, 0);
      const dead = deadReasons(evidence);
      print(
        `  ${repaired} answers repaired; dead letters: ${[...dead].map(([code, count]) => `${count} ${code}`).join(', ') || 'none'}`,
      );
      printBooks(books, print);
      for (const what of wrong.slice(0, 20)) print(`  ! ${what}`);
      const ended = counted('done') + counted('dead');
      return {
        figure: `${ended} of ${size.batches * size.items} items ended, ${counted('done')} answered, ${counted('dead')} dead letters with reasons, ${repaired} repaired; ${wrong.length} things that nothing explains`,
        wanted: 'all ended, 0 unexplained',
        met: ended === size.batches * size.items && wrong.length === 0 && repaired > 0,
        data: { table, books, dead: Object.fromEntries(dead), wrong: wrong.slice(0, 1_000) },
      };
    } finally {
      await scene.close();
    }
  },
};

async function runBatches(
  scene: Scene,
  size: { readonly batches: number; readonly items: number; readonly window: string },
): Promise<readonly BatchView[]> {
  const { url } = scene.gateway;
  const ids: string[] = [];
  for (let batch = 0; batch < size.batches; batch++) {
    const path = join(scene.folder, `batch-${batch}.jsonl`);
    const lines = Array.from({ length: size.items }, (_, index) => lineOf(batch, index));
    writeFileSync(path, `${lines.join('\n')}\n`);
    const { id } = await create(url, await upload(url, path), { completion_window: size.window });
    ids.push(id);
  }
  return Promise.all(ids.map((id) => until(url, id, longestMs)));
}

function printBooks(books: Books, print: (line: string) => void): void {
  const {
    invoicedNanoUsd,
    ledgerNanoUsd,
    unreadableNanoUsd,
    unreadableLines,
    unknownNanoUsd,
    unknownLedgerNanoUsd,
  } = books;
  print(
    `  billed ${dollars(invoicedNanoUsd)}, ledger ${dollars(ledgerNanoUsd)}; of the bill ${dollars(unreadableNanoUsd)} for ${unreadableLines} lines that nobody can read, ${dollars(unknownNanoUsd)} for jobs that nobody can find, which the ledger puts at ${dollars(unknownLedgerNanoUsd)}`,
  );
}

const dollars = (nanoUsd: number): string => `$${(nanoUsd / 1e9).toFixed(6)}`;
