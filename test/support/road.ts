/** The whole batch road in this process: a gateway with its worker beside a simulator, on an empty store and blobs of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Batch, Item, ItemAttempt, Submission } from '../../src/batch/contract.ts';
import type { Step } from '../../src/batch/world.ts';
import type { Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';

export interface RoadOptions {
  /** Sections beside `providers`: routes, limits, budgets. */
  readonly yaml: string;
  /** Over the tiny waits that tests want. */
  readonly batch?: object;
  readonly faults?: object;
  /** Absent: in memory. Closed with the gateway. */
  readonly stores?: Stores;
  readonly at?: Step;
}

export interface ResultLine {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: Record<string, unknown> } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly intermodal: Readonly<Record<string, unknown>>;
}

export interface Submitting {
  readonly window?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fields?: object;
}

export interface Road {
  readonly url: string;
  readonly gateway: TestGateway;
  readonly stores: Stores;
  /** Where its blobs are. */
  readonly blobs: string;
  /** Answers with the batch's id; throws what the gateway says where it says no. */
  submit(lines: readonly object[], options?: Submitting): Promise<string>;
  /** As it is in the store. */
  row(id: string): Promise<Batch>;
  /** Looks until `fact` holds. */
  until<T>(what: string, fact: () => Promise<T | undefined | false>): Promise<T>;
  ended(id: string): Promise<Batch>;
  /** By `custom_id`, from both files; throws where one is there twice. */
  results(id: string, headers?: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, ResultLine>>;
  items(id: string): Promise<readonly Item[]>;
  attempts(id: string): Promise<readonly ItemAttempt[]>;
  submissions(id: string): Promise<readonly Submission[]>;
  /** Sooner than the worker would by itself. */
  wake(id: string): Promise<void>;
  control(method: 'GET' | 'POST' | 'DELETE', what: string, body?: object): Promise<unknown>;
  close(): Promise<void>;
}

const place = 'http://127.0.0.1:${SIMULATOR_PORT}';
const providers = `
providers:
  openai: { type: openai, api_key: sk-test, base_url: "${place}/~openai/v1" }
  second: { type: openai, api_key: sk-test, base_url: "${place}/~second/v1" }
  anthropic: { type: anthropic, api_key: sk-ant-test, base_url: "${place}/~anthropic" }
  local: { type: openai-compatible, api_key: key-test, base_url: "${place}/~local/v1" }
  bedrock: { type: bedrock, region: us-east-1, endpoint: "${place}/~bedrock", access_key_id: AKIDEXAMPLE, secret_access_key: secret-test, batch: { s3: "s3://acme-batch/lines", role_arn: "arn:aws:iam::111122223333:role/batch", endpoint: "${place}/~bedrock", s3_endpoint: "${place}/~s3", path_style: true } }
retry: { rounds: 1 }
`;
/** A slow machine with six others on it. */
const longestMs = 60_000;

export async function startRoad(options: RoadOptions): Promise<Road> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-road-'));
  const stores = options.stores ?? (await openStores(':memory:'));
  const batch = { poll: ['50ms'], retry: ['10ms', '20ms'], look_again: '1s', ...options.batch };
  const gateway = await startTestGateway({
    yaml: `${providers}${options.yaml}\nbatch: ${JSON.stringify(batch)}\n`,
    faults: options.faults ?? {},
    stores,
    blobs: join(folder, 'blobs'),
    ...(options.at === undefined ? {} : { at: options.at }),
  });
  const { batch: rows } = stores;
  const ids = new Map<string, number>();
  const noOf = (id: string): number => ids.get(id) ?? 0;

  async function row(id: string): Promise<Batch> {
    const found = await rows.batches.byNo(noOf(id));
    if (found === undefined) throw new Error(`There is no ${id}.`);
    return found;
  }

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
    url: gateway.url,
    gateway,
    stores,
    blobs: join(folder, 'blobs'),
    async submit(lines, { window = '24h', headers = {}, fields = {} } = {}) {
      const response = await fetch(`${gateway.url}/v1/batches`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({
          requests: lines,
          endpoint: '/v1/chat/completions',
          completion_window: window,
          ...fields,
        }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${response.status} ${text}`);
      const { id } = JSON.parse(text);
      for (let no = 1; ; no++) {
        const found = await rows.batches.byNo(no);
        if (found === undefined) throw new Error(`${id} is not in the store.`);
        ids.set(found.id, no);
        if (found.id === id) return id;
      }
    },
    row,
    until,
    ended: (id) =>
      until(`${id} ends`, async () => {
        const batch = await row(id);
        return batch.endedAtMs !== undefined && batch;
      }),
    async results(id, headers = {}) {
      const lines = new Map<string, ResultLine>();
      for (const file of Object.values((await row(id)).outputs)) {
        const response = await fetch(`${gateway.url}/v1/files/${file}/content`, { headers });
        const text = await response.text();
        if (!response.ok) throw new Error(text);
        for (const one of text.split('\n').filter((part) => part !== '')) {
          const line: ResultLine = JSON.parse(one);
          if (lines.has(line.custom_id)) throw new Error(`${line.custom_id} is there twice.`);
          lines.set(line.custom_id, line);
        }
      }
      return lines;
    },
    items: (id) => rows.items.page(noOf(id), 0, 10_000),
    async attempts(id) {
      const items = await rows.items.page(noOf(id), 0, 10_000);
      return rows.items.attempts(
        noOf(id),
        items.map(({ seq }) => seq),
      );
    },
    submissions: (id) => rows.submissions.ofBatch(noOf(id)),
    wake: (id) => rows.batches.wake(noOf(id), 0),
    async control(method, what, body) {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const response = await fetch(`${gateway.simulator.url}/~simulator/${what}`, { method, ...sent });
      if (!response.ok) throw new Error(`${what}: ${await response.text()}`);
      return response.json();
    },
    async close() {
      await gateway.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A request as a line has it. */
export function chatLine(customId: string, model: string, text: string, more: object = {}): object {
  return {
    custom_id: customId,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, max_tokens: 50, messages: [{ role: 'user', content: text }], ...more },
  };
}

/** Lines that echo their own id. */
export function echoLines(count: number, model: string): readonly object[] {
  return Array.from({ length: count }, (_, index) =>
    chatLine(`c${index}`, model, `[[echo]] answer ${index}`),
  );
}

/** The text of an answered line. */
export function textOf(line: ResultLine | undefined): string {
  const choices: readonly { readonly message: { readonly content: string } }[] = JSON.parse(
    JSON.stringify(line?.response?.body['choices'] ?? []),
  );
  return choices[0]?.message.content ?? '';
}

export const targetOf = (line: ResultLine | undefined): unknown => line?.intermodal['target'];

export const jsonForm = {
  response_format: {
    type: 'json_schema',
    json_schema: {
      name: 'topic',
      strict: true,
      schema: {
        type: 'object',
        properties: { topic: { type: 'string' } },
        required: ['topic'],
        additionalProperties: false,
      },
    },
  },
};
