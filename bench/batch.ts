/**
 * A million items of 1 kB from file to submissions to results: how fast they are assembled and collected, and in how much memory, beside a loop that does no
 * more than parse and hash the same file.
 */

import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitLines } from '../src/wire/jsonl.ts';
import type { Bench } from './bench.ts';
import { create, results, until, upload } from './road/caller.ts';
import { type Scene, startScene } from './road/scene.ts';

const yaml = `
server: { log: warn }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/v1" }
routes:
  cheap: { chain: [openai/gpt-4.1-nano@batch] }
`;

const wanted = { assembled: 40_000, collected: 25_000, rssMb: 350 };
const longestMs = 900_000;

interface Measured {
  readonly items: number;
  readonly floor: number;
  readonly assembled: number;
  readonly collected: number;
  readonly written: number;
  readonly rssMb: number;
  readonly missing: number;
  readonly cpuUs: number;
}

export const bench: Bench = {
  about: 'A million items from file to results: items a second, and memory.',
  async run({ quick, print }) {
    const few = await measure(quick ? 1_000 : 100_000, print);
    const many = await measure(quick ? 100_000 : 1_000_000, print);
    const met =
      !quick &&
      many.assembled >= wanted.assembled &&
      many.collected >= wanted.collected &&
      many.rssMb <= wanted.rssMb &&
      many.missing === 0 &&
      few.missing === 0;
    return {
      figure: `${Math.round(many.assembled)} items/s assembled (${(many.floor / many.assembled).toFixed(1)}x the floor's time), ${Math.round(many.collected)} items/s collected, peak ${Math.round(many.rssMb)} MB (${Math.round(few.rssMb)} MB for a tenth), ${many.missing} missing`,
      wanted: `at least ${wanted.assembled} and ${wanted.collected} items/s, at most ${wanted.rssMb} MB and the same for a tenth, 0 missing`,
      met,
      data: { few, many },
    };
  },
};

async function measure(items: number, print: (line: string) => void): Promise<Measured> {
  const scene = await startScene({
    yaml,
    batch: { poll: ['1s'], retry: ['1s'] },
    plan: { batches: [{ stuck: 100 }] },
  });
  try {
    return await measureIn(scene, items, print);
  } finally {
    await scene.close();
  }
}

/**
 * The gateway rests while the simulator works out its answers, since both share the machine's cores: collecting is measured from the start of a gateway that
 * finds all its submissions done.
 */
async function measureIn(scene: Scene, items: number, print: (line: string) => void): Promise<Measured> {
  const path = join(scene.folder, 'items.jsonl');
  await writeItems(path, items);
  const floorMs = await floor(path);
  const first = scene.gateway;
  const fileId = await upload(first.url, path);
  const cpuBefore = cpuMs(first.pid);
  const began = performance.now();
  const { id } = await create(first.url, fileId);
  await until(first.url, id, longestMs, ({ status }) => status !== 'validating');
  const assembledMs = performance.now() - began;
  await untilSubmitted(scene, items);
  const submittedMs = performance.now() - began;
  const sentCpuMs = cpuMs(first.pid) - cpuBefore;
  const sentRssMb = peakRssMb(first.pid);
  await scene.restart('stop', { NODE_NO_WARNINGS: '1' }, () => scene.control('POST', 'jobs/finish'));
  const { url, pid } = scene.gateway;
  const collecting = performance.now();
  await until(url, id, longestMs, ({ status }) => status === 'finalizing');
  const collectedMs = performance.now() - collecting;
  const batch = await until(url, id, longestMs);
  const writtenMs = performance.now() - collecting - collectedMs;
  const rssMb = Math.max(sentRssMb, peakRssMb(pid));
  const cpuUs = ((sentCpuMs + cpuMs(pid)) * 1000) / items;
  const seen = await countResults(url, batch.output_file_id);
  const perSecond = (ms: number): number => (items / ms) * 1000;
  print(
    `${items} items: floor ${Math.round(perSecond(floorMs))}/s, assembled ${Math.round(perSecond(assembledMs))}/s, sent after ${Math.round(submittedMs)} ms, collected ${Math.round(perSecond(collectedMs))}/s, written in ${Math.round(writtenMs)} ms, peak ${Math.round(sentRssMb)} MB until sent and ${Math.round(peakRssMb(pid))} MB after, ${cpuUs.toFixed(1)} µs of CPU an item; ${seen} different results`,
  );
  return {
    items,
    floor: perSecond(floorMs),
    assembled: perSecond(assembledMs),
    collected: perSecond(collectedMs),
    written: perSecond(writtenMs),
    rssMb,
    missing: items - seen,
    cpuUs,
  };
}

/** A line is some 1,000 bytes; no two ask the same. */
async function writeItems(path: string, items: number): Promise<void> {
  const file = createWriteStream(path);
  const filler = 'The parcel left the depot on time and was delivered to a neighbour. '.repeat(11);
  for (let index = 0; index < items; ) {
    let text = '';
    for (let line = 0; line < 1000 && index < items; line++, index++)
      text += `{"custom_id":"item-${index}","method":"POST","url":"/v1/chat/completions","body":{"model":"cheap","max_tokens":64,"messages":[{"role":"system","content":"Name the topic in one word."},{"role":"user","content":"${index} ${filler}"}]}}\n`;
    if (!file.write(text)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

/** What reading, parsing and hashing cost by themselves. */
async function floor(path: string): Promise<number> {
  const began = performance.now();
  let count = 0;
  for await (const lines of splitLines(createReadStream(path, { highWaterMark: 1024 * 1024 })))
    for (const { text } of lines) {
      if (text === undefined) continue;
      JSON.parse(text.toString('utf8'));
      hash('sha256', text, 'base64url');
      count += 1;
    }
  if (count === 0) throw new Error('The file has no lines.');
  return performance.now() - began;
}

interface JobView {
  readonly counts: { readonly total: number };
}

async function untilSubmitted(scene: Scene, items: number): Promise<void> {
  const latest = performance.now() + longestMs;
  for (;;) {
    const { jobs } = Object(await scene.control('GET', 'jobs'));
    const sent = jobs.reduce((sum: number, job: JobView) => sum + job.counts.total, 0);
    if (sent >= items) return;
    if (performance.now() > latest) throw new Error(`Only ${sent} of ${items} items were sent.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function countResults(url: string, fileId: string | null | undefined): Promise<number> {
  // A set of a million ids would be the bench's own memory alone.
  const seen = new Set<string>();
  for await (const line of results(url, fileId))
    if (line.response?.status_code === 200) seen.add(line.custom_id);
  return seen.size;
}

/** The most that the process has ever held. */
function peakRssMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

/** User and system time of the process. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
