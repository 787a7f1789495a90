/**
 * 100,000 requests of three routes, a quarter of them asked before, from file to results on the simulator: what each way of saving takes off by the provider's
 * own bill, whether the ledger and the batch say what the bill says, and how far off `plan` was that was asked before.
 *
 * The forecast learns from a pilot, as an operator's does: every twentieth line is run first, by the same gateway, and `plan` reads its ledger.
 */
import { join } from 'node:path';
import { openStores } from '../src/stores/open.ts';
import type { Bench } from './bench.ts';
import { prices, type Reckoned, readBill, reckon } from './money/bill.ts';
import { type WrittenFile, writeFiles } from './money/file.ts';
import { askPlan, type Planned } from './money/plan.ts';
import { type BatchView, create, until, upload } from './road/caller.ts';
import { type Scene, startScene } from './road/scene.ts';

const yaml = `
server: { log: warn }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/v1" }
routes:
  sort: { chain: [openai/gpt-4.1-nano@batch] }
  summarise: { chain: [openai/gpt-4.1-mini@batch] }
  judge: { chain: [openai/gpt-4.1@batch] }
`;

const wantedError = 0.03;
/** Of how many lines one is in the pilot. A short file needs more of them: the rare and dear lines must be seen too. */
const samples = { proof: 20, quick: 5 };
const longestMs = 300_000;

export const bench: Bench = {
  about: 'What batches, routing, twins and caches save by the provider’s bill, and how far off a plan is.',
  async run({ quick, print }) {
    const scene = await startScene({
      yaml,
      batch: { poll: ['1s'], retry: ['1s'] },
      plan: { prices, batches: [{ duration_ms: 500 }] },
    });
    try {
      return await measure(scene, quick ? 10_000 : 100_000, quick ? samples.quick : samples.proof, print);
    } finally {
      await scene.close();
    }
  },
};

async function measure(scene: Scene, lines: number, sample: number, print: (line: string) => void) {
  const [path, pilotPath] = [join(scene.folder, 'items.jsonl'), join(scene.folder, 'pilot.jsonl')];
  const file = await writeFiles(path, pilotPath, lines, sample);
  const blind = await askPlan(path, scene.configFile, ['--store', scene.storeFile]);
  await runBatch(scene, pilotPath);
  const piloted = await readBill(scene.simulator.url, 0);
  const plan = await askPlan(path, scene.configFile, ['--store', scene.storeFile]);
  const began = performance.now();
  const batch = await runBatch(scene, path);
  const ranMs = performance.now() - began;
  const bill = await readBill(scene.simulator.url, piloted.length);
  const reckoned = reckon(bill, file.asked);
  const pilotNanoUsd = piloted.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0);
  const ledgerNanoUsd = await readLedger(scene);
  print(
    `  ${lines} lines, ${file.duplicates} asked before; pilot of ${Math.floor(lines / sample)} lines: ${dollars(pilotNanoUsd)}; run in ${(ranMs / 1000).toFixed(1)} s, planned in ${(plan.ms / 1000).toFixed(1)} s`,
  );
  for (const [model, count] of reckoned.byModel) print(`  billed of ${model}: ${count} requests`);
  printLadder(plan, reckoned, print);
  const error = (planned: Planned): number => (planned.cost_usd * 1e9) / reckoned.rungs.cache - 1;
  print(
    `  plan before any answer was in the ledger: ${dollars(blind.cost_usd * 1e9)}, ${percent(error(blind))}`,
  );
  print(`  plan after the pilot: ${dollars(plan.cost_usd * 1e9)}, ${percent(error(plan))}`);
  const books = compare({ batch, file, plan, reckoned, bill: bill.length, ledgerNanoUsd, pilotNanoUsd });
  for (const [what, right] of Object.entries(books)) if (!right) print(`  wrong: ${what}`);
  const saved = 1 - reckoned.rungs.cache / reckoned.rungs.sync;
  const wrong = Object.values(books).filter((right) => !right).length;
  return {
    figure: `${dollars(reckoned.rungs.sync)} sync by one model, ${dollars(reckoned.rungs.cache)} billed: ${(saved * 100).toFixed(1)} % saved; plan off by ${percent(error(plan))}; ${wrong} of ${Object.keys(books).length} accounts differ`,
    wanted: `plan within ${wantedError * 100} %, no account differs by a nano-dollar`,
    met: Math.abs(error(plan)) <= wantedError && wrong === 0,
    data: { lines, duplicates: file.duplicates, rungs: reckoned.rungs, plan, blind, books, ranMs, batch },
  };
}

async function runBatch({ gateway }: Scene, path: string): Promise<BatchView> {
  const { id } = await create(gateway.url, await upload(gateway.url, path));
  const batch = await until(gateway.url, id, longestMs);
  const latest = performance.now() + 10_000;
  // The ledger is written behind.
  while (Object(await (await fetch(`${gateway.url}/health`)).json()).ledger.pending > 0) {
    if (performance.now() > latest) throw new Error('The ledger is not written.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return batch;
}

async function readLedger({ storeFile }: Scene): Promise<number> {
  const stores = await openStores(storeFile);
  try {
    const [total] = await stores.ledger.spend({}, []);
    return total?.costNanoUsd ?? 0;
  } finally {
    await stores.close();
  }
}

function printLadder({ savings }: Planned, { rungs }: Reckoned, print: (line: string) => void): void {
  const names = {
    sync: 'all sync by gpt-4.1',
    batch: 'by its batch API',
    routing: '+ routing',
    twins: '+ dedup',
    cache: '+ prompt cache (the bill)',
  };
  for (const step of ['sync', 'batch', 'routing', 'twins', 'cache'] as const) {
    const planned = savings.find((one) => one.step === step)?.cost_usd ?? 0;
    print(
      `  ${names[step].padEnd(26)} ${dollars(rungs[step]).padStart(10)}  ${((1 - rungs[step] / rungs.sync) * 100).toFixed(2).padStart(6)} % saved, planned ${dollars(planned * 1e9).padStart(10)} (${percent((planned * 1e9) / rungs[step] - 1)})`,
    );
  }
}

interface Accounts {
  readonly batch: BatchView;
  readonly file: WrittenFile;
  readonly plan: Planned;
  readonly reckoned: Reckoned;
  readonly bill: number;
  readonly ledgerNanoUsd: number;
  readonly pilotNanoUsd: number;
}

/** What must be the same in all of them, to the nano-dollar and to the item. */
function compare(accounts: Accounts): Readonly<Record<string, boolean>> {
  const { batch, file, plan, reckoned, bill, ledgerNanoUsd, pilotNanoUsd } = accounts;
  const own = batch.intermodal;
  const nano = (usd: number | undefined): number => Math.round((usd ?? Number.NaN) * 1e9);
  const usage = Object(Object(batch)['usage']);
  return {
    'every line has a result': batch.request_counts.completed === file.lines,
    'the ledger is the bill': ledgerNanoUsd === pilotNanoUsd + reckoned.rungs.cache,
    'the batch’s cost is the bill': nano(own['cost_usd']) === reckoned.rungs.cache,
    'the batch’s saving is the bill’s':
      nano(own['saved_usd']) === reckoned.listNanoUsd - reckoned.rungs.cache,
    'the batch’s tokens are the bill’s':
      usage.input_tokens === reckoned.inputTokens &&
      usage.input_tokens_details.cached_tokens === reckoned.cacheReadTokens &&
      usage.output_tokens === reckoned.outputTokens,
    'nothing was paid twice': reckoned.paidTwice === 0 && bill === file.lines - file.duplicates,
    'twins are told by plan and batch': own['twins'] === file.duplicates && plan.twins === file.duplicates,
    'plan counted what was sent': plan.sent === bill && plan.rejected === 0,
  };
}

const dollars = (nanoUsd: number): string => `$${(nanoUsd / 1e9).toFixed(4)}`;
const percent = (share: number): string => `${share < 0 ? '' : '+'}${(share * 100).toFixed(2)} %`;
