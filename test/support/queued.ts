/** A request that waits, as most are; a test names only what it is about. */
import type { NewQueuedRequest } from '../../src/queue/contract.ts';

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
