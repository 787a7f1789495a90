/** A gateway with cascades beside a simulator, asked through the official SDKs: questions to it, and what came of them. */
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { LedgerEntry, Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { until } from './batch-road.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';
import { addKey } from './keys.ts';

const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
  anthropic: { type: anthropic, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~anthropic" }
routes:
  field:
    chain: [openai/gpt-4.1-nano]
    cascade: { escalate: anthropic/claude-sonnet-4-5, audit: 0% }
  probable:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: logprobs }, escalate: openai/gpt-4.1, audit: 0% }
  agree:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: agreement, with: [openai/gpt-4.1-mini] }, escalate: anthropic/claude-sonnet-4-5, audit: 0% }
  judged:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: judge, by: openai/gpt-4o-mini }, escalate: openai/gpt-4.1, audit: 0% }
  audited:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: logprobs }, escalate: openai/gpt-4.1, audit: 100% }
  share:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: logprobs }, spend_share: 30%, escalate: openai/gpt-4.1, audit: 0% }
  poor:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: logprobs }, escalate: openai/gpt-4.1, audit: 0% }
budgets:
  - { scope: route, route: poor, daily: $0.000001 }
`;
export const sure = { answers: [{ model: '*', right: 1 }] };
export const unsure = { answers: [{ model: 'gpt-4.1-nano', right: 0 }, { right: 1 }] };
export const nanoDown = { provider: 'openai', model: 'gpt-4.1-nano', kind: 'outage', status: 503 };
export const strongDown = [
  { provider: 'anthropic', kind: 'outage', status: 529 },
  { provider: 'openai', model: 'gpt-4.1', kind: 'outage', status: 503 },
];

let asked = 0;
/** Asked anew each time, so that nothing is answered from before. */
export const question = (more = ''): { role: 'user'; content: string }[] => [
  { role: 'user', content: `Which? [[label:billing|billing,sales,other]] ${asked++} ${more}` },
];
export const json = { type: 'json_object' as const };

/** What the caller is told of the cascade. */
export const header = (response: Response): string | null => response.headers.get('x-intermodal-cascade');

export class CascadeGateway {
  readonly gateway: TestGateway;
  readonly stores: Stores;
  readonly openai: OpenAI;
  readonly anthropic: Anthropic;

  constructor(gateway: TestGateway, stores: Stores, key: string) {
    this.gateway = gateway;
    this.stores = stores;
    this.openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
    this.anthropic = new Anthropic({ baseURL: gateway.url, apiKey: key, maxRetries: 0 });
  }

  /** Those that the simulator was asked for. */
  models(): string[] {
    return this.gateway.simulator.log.list().map(({ model }) => model);
  }

  ask(model: string, more: object = {}, text = '') {
    return this.openai.chat.completions.create({ model, messages: question(text), ...more }).withResponse();
  }

  async streamed(model: string, more: object = {}, text = '') {
    const { data, response } = await this.openai.chat.completions
      .create({ model, messages: question(text), ...more, stream: true })
      .withResponse();
    let said = '';
    let finish: string | null = null;
    for await (const chunk of data) {
      said += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    return { said, finish, response };
  }
  /** What the ledger has of a request, by target. */
  async entries(response: Response, count: number): Promise<readonly LedgerEntry[]> {
    const id = response.headers.get('x-request-id');
    const found = await until(
      async () => (await this.stores.ledger.list({}, 1_000)).filter((entry) => entry.requestId === id),
      (list) => list.length >= count,
    );
    assert.equal(found.length, count);
    return found;
  }

  /** Before each test: every model is right. */
  begin(): void {
    this.gateway.simulator.log.clear();
    this.gateway.simulator.setFaults(sure);
  }

  /** After each test: no defect was logged, and no target is held back for what it was made to do. */
  settle(): void {
    const { complaints, world } = this.gateway;
    const defects = complaints.filter(({ level }) => level === 'error');
    complaints.length = 0;
    assert.deepEqual(defects, []);
    for (const { target } of world.health.list()) world.health.succeeded(target);
  }

  close(): Promise<void> {
    return this.gateway.close();
  }
}

export async function startCascadeGateway(): Promise<CascadeGateway> {
  const stores = await openStores(':memory:');
  const key = await addKey(stores, 'app', {});
  return new CascadeGateway(await startTestGateway({ stores, yaml }), stores, key);
}
