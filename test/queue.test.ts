/** Requests that wait, from the desk through a worker to an answer: a whole gateway beside a simulator, on real sockets. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { NewQueuedRequest, QueuedRequest } from '../src/queue/contract.ts';
import type { LedgerEntry, Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { queued } from './support/queued.ts';

const place = 'http://127.0.0.1:${SIMULATOR_PORT}';
const providers = `
providers:
  openai: { type: openai, api_key: sk-test, base_url: "${place}/~openai/v1" }
  second: { type: openai, api_key: sk-test, base_url: "${place}/~second/v1" }
  anthropic: { type: anthropic, api_key: sk-ant-test, base_url: "${place}/~anthropic" }
`;
const plain = 'routes: { ask: { chain: [openai/gpt-4.1-mini] } }';
/** A slow machine with six others on it. */
const longestMs = 60_000;

interface Scene {
  readonly gateway: TestGateway;
  readonly stores: Stores;
  add(id: string, content: string, changes?: Partial<NewQueuedRequest>): Promise<QueuedRequest>;
  ended(id: string): Promise<QueuedRequest>;
  until<T>(what: string, fact: () => Promise<T | undefined | false>): Promise<T>;
  entries(id: string): Promise<readonly LedgerEntry[]>;
  /** Lines of the simulator's bill whose note is that. */
  paid(note: string): Promise<number>;
}

const open: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function start(
  yaml: string,
  { faults, at }: { faults?: object; at?: (place: string) => void | Promise<void> } = {},
): Promise<Scene> {
  const stores = await openStores(':memory:');
  const gateway = await startTestGateway({
    yaml: `${providers}\n${yaml}`,
    stores,
    queue: true,
    faults: faults ?? {},
    ...(at === undefined ? {} : { at }),
  });
  open.push(gateway);
  async function until<T>(what: string, fact: () => Promise<T | undefined | false>): Promise<T> {
    const latest = performance.now() + longestMs;
    for (;;) {
      const found = await fact();
      if (found !== undefined && found !== false) return found;
      if (performance.now() > latest) throw new Error(`It never came about: ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  return {
    gateway,
    stores,
    until,
    async add(id, content, changes = {}) {
      const nowMs = Date.now();
      const messages = [{ role: 'user', content }];
      const body = Buffer.from(JSON.stringify({ model: 'ask', max_tokens: 100, messages }));
      const times = { createdAtMs: nowMs, dueAtMs: nowMs, rankMs: nowMs, deadlineAtMs: nowMs + 600_000 };
      const request = queued(id, { owner: '', model: 'ask', route: 'ask', body, ...times, ...changes });
      return (await gateway.queue.desk.add(request)).request;
    },
    ended: (id) =>
      until(`${id} has ended`, async () => {
        const request = await stores.queue.get('', id);
        return request?.endedAtMs !== undefined && request;
      }),
    async entries(id) {
      const all = await stores.ledger.list({}, 10_000);
      return all.filter(({ requestId }) => requestId.startsWith(`${id}:`));
    },
    async paid(note) {
      const response = await fetch(`${gateway.simulator.url}/~simulator/invoice?format=jsonl`);
      const lines = (await response.text()).split('\n').filter((line) => line !== '');
      return lines.map((line): { note?: string } => JSON.parse(line)).filter((line) => line.note === note)
        .length;
    },
  };
}

function contentOf(request: QueuedRequest): string {
  const body: { choices?: { message: { content: string } }[] } = JSON.parse(request.answer?.body ?? '{}');
  return body.choices?.[0]?.message.content ?? '';
}

describe('a request that waits', () => {
  test('is answered as a sync call would have been, and paid once', async () => {
    const scene = await start(plain);
    await scene.add('areq_1', '[[echo]] [[note:one]] hello');
    const request = await scene.ended('areq_1');
    assert.equal(request.state, 'answered', request.answer?.body);
    assert.equal(request.answer?.status, 200);
    assert.match(contentOf(request), /hello/);
    assert.equal(request.answer?.headers['x-intermodal-target'], 'openai/gpt-4.1-mini');
    assert.equal(request.answer?.headers['x-intermodal-request-id'], 'areq_1');
    assert.ok(request.costNanoUsd > 0);
    const entries = await scene.until('the books', async () => {
      const found = await scene.entries('areq_1');
      return found[0]?.outcome === 'served' && found;
    });
    assert.equal(entries.length, 1);
    assert.equal(entries[0]?.costNanoUsd, request.costNanoUsd);
    assert.equal(await scene.paid('one'), 1);
    assert.deepEqual(scene.gateway.complaints, []);
  });
});
