/** How many requests one process calls in a second when nothing but itself limits it, and what each costs in CPU: claim, intent, call, answer, books. */
import { readFileSync } from 'node:fs';
import { rankOf } from '../../src/queue/lanes.ts';
import { startMortal } from '../crash/mortal.ts';
import type { Program } from '../fleet/program.ts';
import { openScene, pause, writeScene } from './scene.ts';

const provider = 'plenty';
/** Of the clock in which Linux counts a process's time. */
const ticksPerSecond = 100;

export interface ThroughputFigures {
  readonly requests: number;
  readonly perSecond: number;
  readonly cpuMsEach: number;
}

export async function drain(options: {
  readonly folder: string;
  readonly simulator: Program;
  readonly requests: number;
}): Promise<ThroughputFigures> {
  const { folder, requests } = options;
  const yaml = `waiting: { workers: 48 }\nbatch: { blobs: "${folder}/blobs" }`;
  const scene = writeScene({ ...options, provider, yaml });
  const stores = await openScene(scene);
  try {
    const nowMs = Date.now();
    for (let index = 0; index < requests; index++) {
      const times = { createdAtMs: nowMs, dueAtMs: nowMs, deadlineAtMs: nowMs + 3_000_000 };
      const content = `[[tokens:20]] number ${index}`;
      const body = { model: 'ask', max_tokens: 60, messages: [{ role: 'user', content }] };
      await stores.queue.add({
        id: `areq_${index}`,
        owner: '',
        dialect: 'openai-chat',
        operation: 'chat',
        model: 'ask',
        route: 'ask',
        body: Buffer.from(JSON.stringify(body)),
        headers: {},
        tags: [],
        priority: 'normal',
        way: 'queue',
        group: '',
        inputTokens: 10,
        rankMs: rankOf({ priority: 'normal', ...times }),
        ...times,
      });
    }
    const gateway = await startMortal(scene.configFile, scene.storeFile);
    const cpuMs = (): number => {
      const fields = readFileSync(`/proc/${gateway.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
    };
    // What it has done until it could tell its address is its start.
    const [began, cpuBegan, before] = [performance.now(), cpuMs(), await waitingIn(stores)];
    while ((await waitingIn(stores)) > 0) await pause(100);
    const [ms, cpu] = [performance.now() - began, cpuMs() - cpuBegan];
    await gateway.stop();
    return { requests, perSecond: (before * 1_000) / ms, cpuMsEach: cpu / Math.max(1, before) };
  } finally {
    await stores.close();
  }
}

async function waitingIn(stores: Awaited<ReturnType<typeof openScene>>): Promise<number> {
  let waiting = 0;
  for (const depth of await stores.queue.depths()) waiting += depth.waiting;
  return waiting;
}
