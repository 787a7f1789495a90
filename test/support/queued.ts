/** Requests that wait, as most are, and what tests often do with them; a test names only what it is about. */
import assert from 'node:assert/strict';
import type { NewQueuedRequest, QueuedAnswer } from '../../src/queue/contract.ts';
import type { HeldRequest, QueueRows } from '../../src/stores/queue/contract.ts';

export function queued(id: string, changes: Partial<NewQueuedRequest> = {}): NewQueuedRequest {
  const createdAtMs = changes.createdAtMs ?? 1_000;
  return {
    id,
    owner: 'app',
    dialect: 'openai-chat',
    operation: 'chat',
    model: 'classify',
    route: 'classify',
    body: Buffer.from(`{"model":"classify","messages":[{"role":"user","content":"${id}"}]}`),
    headers: {},
    tags: [],
    priority: 'normal',
    way: 'queue',
    group: 'app/classify/normal',
    inputTokens: 12,
    createdAtMs,
    deadlineAtMs: createdAtMs + 3_600_000,
    dueAtMs: createdAtMs,
    rankMs: createdAtMs,
    ...changes,
  };
}

export const answer: QueuedAnswer = {
  status: 200,
  body: '{"choices":[]}',
  headers: { 'x-intermodal-cost': '0.000001' },
};

export async function addAll(queue: QueueRows, requests: readonly NewQueuedRequest[]): Promise<void> {
  for (const request of requests) await queue.add(request);
}

export function ids(held: readonly HeldRequest[]): readonly string[] {
  return held.map(({ request }) => request.id);
}

export async function settle(
  queue: QueueRows,
  held: HeldRequest,
  state: 'answered' | 'failed',
  given: QueuedAnswer,
  costNanoUsd: number,
  nowMs: number,
): Promise<boolean | undefined> {
  return (await queue.settle([{ held, state, answer: given, costNanoUsd }], nowMs))[0];
}

export async function claimOne(queue: QueueRows, nowMs = 2_000): Promise<HeldRequest> {
  const [held] = await queue.claim(nowMs, 30_000, 1);
  assert.ok(held !== undefined, 'nothing can be claimed');
  return held;
}
