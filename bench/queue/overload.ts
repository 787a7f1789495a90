/**
 * The low lane while the high lane has always more than can be done. What can be done is what a limit lets through, so that the longest wait is
 * computed from the config alone; each request of the low lane is held against what was computed for it when it came.
 */
import type { Priority } from '../../src/core/facts.ts';
import type { QueuedRequest } from '../../src/queue/contract.ts';
import { worstWaitMs } from '../../src/queue/lanes.ts';
import type { Stores } from '../../src/stores/contract.ts';
import { startMortal } from '../crash/mortal.ts';
import type { Program } from '../fleet/program.ts';
import { keep, model, openScene, pause, writeScene } from './scene.ts';

const provider = 'overloaded';
/** Calls that the limit lets through in a minute. */
export const rpm = 2_400;
const perSecond = rpm / 60;
/** Requests of the high lane that always wait. */
const highWaiting = 80;
const everyMs = { normal: 500, low: 400 } as const;
/** The longest call of a model that thinks for 20 ms, on a machine that does other things as well. */
const callMs = 2_000;

export interface OverloadFigures {
  readonly served: Readonly<Record<Priority, number>>;
  readonly worstMs: Readonly<Record<Priority, number>>;
  /** Of the low lane: the longest that was computed, and the least that a request stayed under it. */
  readonly boundMs: number;
  readonly leastMarginMs: number;
  readonly late: number;
}

export interface OverloadOptions {
  readonly folder: string;
  readonly simulator: Program;
  readonly forMs: number;
  readonly handicaps: { readonly high: 0; readonly normal: number; readonly low: number };
}

export async function overloadHigh(options: OverloadOptions): Promise<OverloadFigures> {
  const { folder, handicaps } = options;
  const yaml = `limits: { "${provider}/${model}": { rpm: ${rpm}, burst: 5% } }
waiting: { workers: 32, lanes: { normal: ${handicaps.normal}ms, low: ${handicaps.low}ms } }
batch: { blobs: "${folder}/blobs" }`;
  const scene = writeScene({ ...options, provider, yaml });
  const stores = await openScene(scene);
  const gateway = await startMortal(scene.configFile, scene.storeFile);
  try {
    const ids = await produce(gateway.url ?? '', stores, options.forMs);
    const requests = await ended(stores, ids);
    return figuresOf(requests, handicaps);
  } finally {
    await gateway.stop();
    await stores.close();
  }
}

async function produce(url: string, stores: Stores, forMs: number): Promise<readonly string[]> {
  const ids: string[] = [];
  const end = performance.now() + forMs;
  let count = 0;
  const add = async (priority: Priority): Promise<void> => {
    const id = await keep(url, { note: `o${count++}`, priority });
    if (id === undefined) throw new Error('The gateway does not answer.');
    ids.push(id);
  };
  const steady = async (priority: 'normal' | 'low'): Promise<void> => {
    while (performance.now() < end) {
      await Promise.all([add(priority), pause(everyMs[priority])]);
    }
  };
  const always = async (): Promise<void> => {
    while (performance.now() < end) {
      const depths = await stores.queue.depths();
      const waiting = depths.find(({ priority }) => priority === 'high')?.waiting ?? 0;
      const more = Math.max(0, highWaiting - waiting);
      await Promise.all(Array.from({ length: Math.min(more, 16) }, () => add('high')));
      if (more === 0) await pause(20);
    }
  };
  await Promise.all([always(), steady('normal'), steady('low')]);
  return ids;
}

async function ended(stores: Stores, ids: readonly string[]): Promise<readonly QueuedRequest[]> {
  const latest = performance.now() + 120_000;
  for (;;) {
    const requests: QueuedRequest[] = [];
    for (const id of ids) {
      const request = await stores.queue.get('', id);
      if (request !== undefined) requests.push(request);
    }
    if (requests.length === ids.length && requests.every(({ endedAtMs }) => endedAtMs !== undefined))
      return requests;
    if (performance.now() > latest) throw new Error('Not all requests have ended.');
    await pause(500);
  }
}

function figuresOf(
  requests: readonly QueuedRequest[],
  handicaps: OverloadOptions['handicaps'],
): OverloadFigures {
  const served = { high: 0, normal: 0, low: 0 };
  const worstMs = { high: 0, normal: 0, low: 0 };
  // The high lane gets more than is done, but no more than was done in its stead: its producers wait.
  const arriving = { high: perSecond, normal: 1_000 / everyMs.normal, low: 1_000 / everyMs.low };
  let [boundMs, leastMarginMs, late] = [0, Number.POSITIVE_INFINITY, 0];
  for (const { priority, createdAtMs, endedAtMs = createdAtMs } of requests) {
    const waitMs = endedAtMs - createdAtMs;
    served[priority] += 1;
    worstMs[priority] = Math.max(worstMs[priority], waitMs);
    if (priority !== 'low') continue;
    const ahead = requests.filter(
      (one) => one.createdAtMs <= createdAtMs && (one.endedAtMs ?? 0) > createdAtMs,
    ).length;
    const most = worstWaitMs(
      'low',
      { ahead: ahead + highWaiting, arriving, served: perSecond, callMs },
      handicaps,
    );
    boundMs = Math.max(boundMs, most);
    leastMarginMs = Math.min(leastMarginMs, most - waitMs);
    if (waitMs > most) late += 1;
  }
  return { served, worstMs, boundMs, leastMarginMs, late };
}
