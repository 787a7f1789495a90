/** A gateway with routes that keep answers, beside a simulator, asked through the official SDKs. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { until } from './batch-road.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';
import { addKey } from './keys.ts';

const place = 'http://127.0.0.1:${SIMULATOR_PORT}';
export const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "${place}/~openai/v1" }
  anthropic: { type: anthropic, api_key: k, base_url: "${place}/~anthropic" }
  vertex: { type: vertex, project: p, location: us-central1, access_token: t, base_url: "${place}/~vertex" }
  bedrock: { type: bedrock, region: us-east-1, bearer_token: k, endpoint: "${place}/~bedrock" }
retry: { rounds: 1 }
prices: { openai/gpt-4.1-nano: { input: $1, output: $2 } }
routes:
  kept: { chain: [openai/gpt-4.1-nano, anthropic/claude-haiku-4-5], cache: { for: 10m } }
  brief: { chain: [openai/gpt-4.1-nano], cache: { for: 1s } }
  claude: { chain: [anthropic/claude-haiku-4-5], cache: { for: 10m } }
  gemini: { chain: [vertex/gemini-2.5-flash], cache: { for: 10m } }
  nova: { chain: ["bedrock/us.amazon.nova-pro-v1:0"], cache: { for: 10m } }
  invoked: { chain: ["bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0"], cache: { for: 10m } }
  shared: { chain: [openai/gpt-4.1-nano], cache: { for: 10m, scope: all } }
  teams: { chain: [openai/gpt-4.1-nano], cache: { for: 10m, scope: team } }
  vectors: { chain: [openai/text-embedding-3-small], cache: { for: 10m } }
  poor: { chain: [openai/gpt-4.1-nano], cache: { for: 10m } }
  plain: { chain: [openai/gpt-4.1-nano] }
budgets:
  - { scope: route, route: poor, daily: $0.0605 }
`;

export const ask = (content: string) => [{ role: 'user' as const, content }];
let next = 0;
/** Nobody has asked this before. */
export const fresh = (): string => `question ${next++}`;

/** `mate` is of the team of `one`, `two` of none; `slow` may ask three times a minute. */
export type Asker = 'one' | 'two' | 'mate' | 'slow';

export class CacheGateway {
  readonly gateway: TestGateway;
  readonly stores: Stores;
  readonly clients: Readonly<Record<Asker, OpenAI>>;
  readonly claude: Anthropic;

  constructor(gateway: TestGateway, stores: Stores, keys: Readonly<Record<Asker, string>>) {
    const open = (apiKey: string): OpenAI =>
      new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    this.gateway = gateway;
    this.stores = stores;
    this.clients = { one: open(keys.one), two: open(keys.two), mate: open(keys.mate), slow: open(keys.slow) };
    this.claude = new Anthropic({ apiKey: keys.one, baseURL: gateway.url, maxRetries: 0 });
  }

  async chat(
    model: string,
    content: string,
    { as = 'one', headers = {}, ...body }: { as?: Asker; headers?: object; [field: string]: unknown } = {},
  ) {
    const { data, response } = await this.clients[as].chat.completions
      .create({ model, messages: ask(content), ...body, stream: false }, { headers: { ...headers } })
      .withResponse();
    return { data, headers: response.headers, note: response.headers.get('x-intermodal-cache') };
  }

  async stream(model: string, content: string, body: object = {}) {
    const { data, response } = await this.clients.one.chat.completions
      .create({ model, messages: ask(content), ...body, stream: true })
      .withResponse();
    let text = '';
    let usage: unknown;
    let finish: string | null = null;
    let id = '';
    for await (const chunk of data) {
      id = chunk.id;
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    return {
      id,
      text,
      usage,
      finish,
      note: response.headers.get('x-intermodal-cache'),
      headers: response.headers,
    };
  }

  /** Calls that were billed. */
  calls(): number {
    return this.gateway.simulator.invoice(0).calls;
  }

  /** No fault keeps calls from the model of most routes any more. */
  async ready(): Promise<void> {
    await until(
      async () => this.gateway.world.health.view('openai/gpt-4.1-nano').standing,
      (standing) => standing === 'ready',
    );
  }

  close(): Promise<void> {
    return this.gateway.close();
  }
}

export async function startCacheGateway(): Promise<CacheGateway> {
  const stores = await openStores(':memory:');
  const keys = {
    one: await addKey(stores, 'one', { team: 'web' }),
    two: await addKey(stores, 'two'),
    mate: await addKey(stores, 'mate', { team: 'web' }),
    slow: await addKey(stores, 'slow', { limits: { requestsPerMinute: 3 } }),
  };
  return new CacheGateway(await startTestGateway({ yaml, stores }), stores, keys);
}
