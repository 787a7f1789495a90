/** A whole gateway with a queue, beside a simulator on real sockets, and what tests ask of both. */
import type { NewQueuedRequest, QueuedRequest } from '../../src/queue/contract.ts';
import type { LedgerEntry, Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';
import { queued } from './queued.ts';

const place = 'http://127.0.0.1:${SIMULATOR_PORT}';
const providers = `
providers:
  openai: { type: openai, api_key: sk-test, base_url: "${place}/~openai/v1" }
  second: { type: openai, api_key: sk-test, base_url: "${place}/~second/v1" }
  anthropic: { type: anthropic, api_key: sk-ant-test, base_url: "${place}/~anthropic" }
`;
export const plain = 'routes: { ask: { chain: [openai/gpt-4.1-mini] } }';
/** A slow machine with six others on it. */
const longestMs = 60_000;

export interface Scene {
  readonly gateway: TestGateway;
  readonly stores: Stores;
  add(id: string, content: string, changes?: Partial<NewQueuedRequest>): Promise<QueuedRequest>;
  ended(id: string, owner?: string): Promise<QueuedRequest>;
  until<T>(what: string, fact: () => Promise<T | undefined | false>): Promise<T>;
  entries(id: string): Promise<readonly LedgerEntry[]>;
  /** The same, once nothing in them is unknown. */
  booked(id: string): Promise<readonly LedgerEntry[]>;
  /** Lines of the simulator's bill whose note is that. */
  paid(note: string): Promise<number>;
}

interface StartOptions {
  readonly faults?: object;
  readonly at?: (place: string) => void | Promise<void>;
  /** Absent: empty ones in memory. */
  readonly stores?: Stores;
}

const open: TestGateway[] = [];
/** After each test. */
export async function closeScenes(): Promise<void> {
  for (const gateway of open.splice(0)) await gateway.close();
}

export async function start(yaml: string, { faults, at, stores: given }: StartOptions = {}): Promise<Scene> {
  const stores = given ?? (await openStores(':memory:'));
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
  const entries = async (id: string): Promise<readonly LedgerEntry[]> => {
    const all = await stores.ledger.list({}, 10_000);
    return all.filter(({ requestId }) => requestId.startsWith(`${id}:`));
  };
  return {
    gateway,
    stores,
    entries,
    booked: (id) =>
      until(`the books of ${id}`, async () => {
        const found = await entries(id);
        return found.length > 0 && found.every(({ outcome }) => outcome !== 'unknown') && found;
      }),
    until,
    async add(id, content, changes = {}) {
      const nowMs = Date.now();
      const messages = [{ role: 'user', content }];
      const body = Buffer.from(JSON.stringify({ model: 'ask', max_tokens: 100, messages }));
      const times = { createdAtMs: nowMs, dueAtMs: nowMs, rankMs: nowMs, deadlineAtMs: nowMs + 600_000 };
      const request = queued(id, { owner: '', model: 'ask', route: 'ask', body, ...times, ...changes });
      return (await gateway.queue.desk.add(request)).request;
    },
    ended: (id, owner = '') =>
      until(`${id} has ended`, async () => {
        const request = await stores.queue.get(owner, id);
        return request?.endedAtMs !== undefined && request;
      }),
    async paid(note) {
      const response = await fetch(`${gateway.simulator.url}/~simulator/invoice?format=jsonl`);
      const lines = (await response.text()).split('\n').filter((line) => line !== '');
      return lines.map((line): { note?: string } => JSON.parse(line)).filter((line) => line.note === note)
        .length;
    },
  };
}

/** What the model said. */
export function contentOf(request: QueuedRequest): string {
  const body: { choices?: { message: { content: string } }[] } = JSON.parse(request.answer?.body ?? '{}');
  return body.choices?.[0]?.message.content ?? '';
}
