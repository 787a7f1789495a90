/**
 * Fifty thousand requests, sent one at a time over ten minutes by apps that need not wait: how many of them come to be served at batch price,
 * whether any misses its deadline, and what they cost beside the same requests in one file.
 *
 * The gateway's clock goes faster than the wall's; all else is real: sockets, a store on disk, a simulator with an invoice.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { fetchAll, sendAll } from './accumulate/caller.ts';
import { startChild } from './accumulate/child.ts';
import { ask, bodyOf } from './accumulate/traffic.ts';
import type { Bench } from './bench.ts';
import { startProgram } from './fleet/program.ts';
import { create, until, upload } from './road/caller.ts';
import { startScene } from './road/scene.ts';

const yaml = `
server: { log: warn }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/~openai/v1" }
  anthropic: { type: anthropic, api_key: sk-ant-test, base_url: "\${SIMULATOR_URL}/~anthropic" }
routes:
  cheap: { chain: [openai/gpt-4.1-nano] }
  claude: { chain: [anthropic/claude-haiku-4-5] }
`;
/** Jobs take some minutes of the gateway's time. */
const plan = { batches: [{ duration_ms: 20_000 }] };
const tenMinutesMs = 600_000;
const longestMs = 1_200_000;
const wanted = { batchShare: 0.95, invoiceRatio: 1.02 };

const countSchema = z.object({ count: z.number() });
const waySchema = z.array(z.object({ way: z.string(), state: z.string(), count: z.number() }));
const invoiceSchema = z.object({ totalNanoUsd: z.number(), calls: z.number() });

export const bench: Bench = {
  about: 'Single requests that may wait, gathered into batches: their share, deadlines and invoice.',
  async run({ quick, print }) {
    const count = quick ? 5_000 : 50_000;
    const speed = quick ? 20 : 4;
    print(`${count} requests over ten minutes, of which a second takes ${1000 / speed} ms`);
    const own = await accumulate(count, speed, print);
    const idealNanoUsd = await offline(count, print);
    const share = own.batched / count;
    const ratio = own.nanoUsd / idealNanoUsd;
    const percent = (part: number): string => `${(part * 100).toFixed(2)} %`;
    print(`by batch submissions  ${percent(share)}`);
    print(`by single calls       ${percent(1 - share)}`);
    print(`deadlines missed      ${own.missed}`);
    print(`lost or mixed up      ${own.wrong}`);
    print(`invoice               $${(own.nanoUsd / 1e9).toFixed(4)}, ${own.calls} calls`);
    print(`one file              $${(idealNanoUsd / 1e9).toFixed(4)}, ratio ${ratio.toFixed(4)}`);
    print(`CPU per request       ${own.cpuUs.toFixed(0)} us (gateway, from 202 to kept answer)`);
    return {
      figure: `${percent(share)} by batch, ${own.missed} deadlines missed, ${own.wrong} lost or wrong, invoice ${ratio.toFixed(4)} of one file's, ${own.cpuUs.toFixed(0)} us of CPU a request`,
      wanted: `at least ${percent(wanted.batchShare)}, 0, 0, at most ${wanted.invoiceRatio}`,
      met:
        !quick &&
        share >= wanted.batchShare &&
        own.missed === 0 &&
        own.wrong === 0 &&
        ratio <= wanted.invoiceRatio,
      data: { count, speed, share, ratio, idealNanoUsd, ...own },
    };
  },
};

interface Accumulated {
  readonly batched: number;
  readonly missed: number;
  readonly wrong: number;
  readonly nanoUsd: number;
  readonly calls: number;
  readonly cpuUs: number;
}

async function accumulate(count: number, speed: number, print: (line: string) => void): Promise<Accumulated> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-accumulate-'));
  const planFile = join(folder, 'plan.json');
  writeFileSync(planFile, JSON.stringify(plan));
  const simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
  const store = join(folder, 'store.db');
  const gateway = await startChild({
    yaml: yaml.replaceAll('${SIMULATOR_URL}', simulator.url),
    store,
    blobs: join(folder, 'blobs'),
    speed,
  });
  const database = new DatabaseSync(store, { readOnly: true });
  try {
    const before = await gateway.cpu();
    const began = performance.now();
    const ids = await sendAll(gateway.url, count, tenMinutesMs / speed);
    const sentMs = performance.now() - began;
    print(`sent in ${(((sentMs / 1000) * speed) / 60).toFixed(1)} of the gateway's minutes`);
    await allEnded(database, began + longestMs);
    const after = await gateway.cpu();
    for (const complaint of after.complaints.slice(0, 10)) print(`the gateway complains: ${complaint}`);
    const ways = database.prepare(
      'select way, state, count(*) as count from intermodal_queued group by way, state',
    );
    for (const row of waySchema.parse(ways.all())) print(`${row.way}: ${row.count} ${row.state}`);
    const missed = countOf(database, 'ended_at_ms > deadline_at_ms');
    const { batched, wrong } = await fetchAll(gateway.url, ids);
    for (const one of wrong.slice(0, 5)) print(`wrong: ${one.slice(0, 300)}`);
    const invoice = await invoiceOf(simulator.url);
    return {
      batched,
      missed,
      wrong: wrong.length,
      nanoUsd: invoice.totalNanoUsd,
      calls: invoice.calls,
      cpuUs: ((after.ms - before.ms) * 1000) / count,
    };
  } finally {
    database.close();
    await gateway.stop();
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function allEnded(database: DatabaseSync, latest: number): Promise<void> {
  for (;;) {
    const open = countOf(database, 'live = 1');
    if (open === 0) return;
    if (performance.now() > latest) throw new Error(`${open} requests are still open.`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function countOf(database: DatabaseSync, where: string): number {
  const row = database.prepare(`select count(*) as count from intermodal_queued where ${where}`).get();
  return countSchema.parse(row).count;
}

/** The same requests as one file, by whoever has them all at once. */
async function offline(count: number, print: (line: string) => void): Promise<number> {
  const scene = await startScene({ yaml, batch: { poll: ['1s'] }, plan });
  try {
    const path = join(scene.folder, 'all.jsonl');
    const lines = Array.from({ length: count }, (_, index) =>
      JSON.stringify({
        custom_id: String(index),
        method: 'POST',
        url: '/v1/chat/completions',
        body: bodyOf(ask(index)),
      }),
    );
    writeFileSync(path, `${lines.join('\n')}\n`);
    const { url } = scene.gateway;
    const batch = await create(url, await upload(url, path));
    const ended = await until(url, batch.id, longestMs);
    if (ended.request_counts.completed !== count)
      throw new Error(`One file: ${JSON.stringify(ended.request_counts)}`);
    print(`one file: ${ended.request_counts.completed} completed`);
    return (await invoiceOf(scene.simulator.url)).totalNanoUsd;
  } finally {
    await scene.close();
  }
}

async function invoiceOf(simulatorUrl: string): Promise<z.output<typeof invoiceSchema>> {
  const response = await fetch(`${simulatorUrl}/~simulator/invoice`);
  return invoiceSchema.parse(await response.json());
}
