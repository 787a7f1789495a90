/** The sixteen failover scenarios that an independent benchmark of gateways uses, judged from the caller's side and from the provider's. */
import { startTestGateway, type TestGateway } from '../../test/support/gateway.ts';
import { ask, type DialectName, type Seen } from './ask.ts';

/** Two providers of different protocols and one of the first's, so that each failover also translates. Times are short, so that a run is. */
const yaml = `
providers:
  a: { type: openai, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~a/v1" }
  b: { type: anthropic, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~b" }
  c: { type: openai-compatible, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~c/v1" }
models:
  c/small: { context: 8k }
  c/large: { context: 2M }
timeouts: { connect: 500ms, first_byte: 400ms, first_token: 400ms, answer: 600ms, idle: 300ms }
retry: { rounds: 3, base: 50ms, cap: 500ms }
breaker: { failures: 3, window: 10s, open: 500ms, open_cap: 2s }
routes:
  chain: { chain: [a/gpt-4.1-mini, b/claude-haiku-4-5, c/other] }
  pair: { chain: [a/gpt-4.1-mini, b/claude-haiku-4-5], retry: { rounds: 1 } }
  lone: { chain: [a/gpt-4.1-mini], budget: 5s }
  windows: { chain: [a/gpt-4.1-mini, c/small, c/large] }
  filtered: { chain: [a/gpt-4.1-mini, b/claude-haiku-4-5], on_content_filter: next }
`;

export interface Context {
  readonly service: TestGateway;
  readonly stream: boolean;
  ask(model: string, prompt?: string): Promise<Seen>;
  faults(...faults: object[]): void;
  /** Requests that reached a provider so far. */
  asked(instance: string): number;
  /** Answers that were sent whole, over all providers. */
  answers(): number;
}

export interface Scenario {
  readonly id: string;
  readonly what: string;
  /** Throws what is wrong. */
  run(context: Context): Promise<void>;
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function servedBy(seen: Seen, provider: string): void {
  must(
    seen.status === 200 && seen.end === 'clean',
    `status ${seen.status}, end ${seen.end}: ${seen.errorText}`,
  );
  must(seen.target?.startsWith(`${provider}/`) === true, `served by ${seen.target}`);
  must(seen.text.length > 10, 'no text');
}

/** What breaks in the middle: before the first content it is rescued; after it a stream ends in an error, a whole answer is rescued. */
async function midway(context: Context, kind: string): Promise<void> {
  // The simulated provider's first chunk names the role and holds no content yet.
  context.faults({ provider: 'a', kind, after: 1 });
  servedBy(await context.ask('chain'), 'b');
  context.faults({ provider: 'a', kind, after: 8 });
  const seen = await context.ask('chain', '[[tokens:40]]');
  if (!context.stream) {
    servedBy(seen, 'b');
    return;
  }
  must(
    seen.status === 200 && seen.target?.startsWith('a/') === true,
    `status ${seen.status} by ${seen.target}`,
  );
  must(seen.end === 'error', `a broken stream ended ${seen.end}`);
  must(seen.text.length > 0, 'what came before the break was lost');
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S01',
    what: '429 with retry-after: the next target at once, or obeyed when there is none',
    async run(context) {
      context.faults({ provider: 'a', kind: 'rate-limit', retry_after_s: 1, times: 1 });
      const seen = await context.ask('chain');
      servedBy(seen, 'b');
      must(seen.ms < 800, `took ${seen.ms.toFixed(0)} ms`);
      context.faults({ provider: 'a', kind: 'rate-limit', retry_after_s: 1, times: 1 });
      await later(1100);
      const lone = await context.ask('lone');
      servedBy(lone, 'a');
      must(lone.ms >= 950, `asked again after ${lone.ms.toFixed(0)} ms`);
    },
  },
  {
    id: 'S02',
    what: '429 persists: moves on, does not hammer',
    async run(context) {
      context.faults({ provider: 'a', kind: 'rate-limit', retry_after_s: 30 });
      for (let count = 0; count < 5; count++) servedBy(await context.ask('chain'), 'b');
      must(context.asked('a') === 1, `asked ${context.asked('a')} times`);
    },
  },
  {
    id: 'S03',
    what: '500 once: one answer',
    async run(context) {
      context.faults({ provider: 'a', kind: 'outage', status: 500, times: 1 });
      servedBy(await context.ask('chain'), 'b');
      must(context.answers() === 2, `${context.answers() - 1} answers and a refusal`);
      context.faults({ provider: 'a', kind: 'outage', status: 500, times: 1 });
      servedBy(await context.ask('lone'), 'a');
    },
  },
  {
    id: 'S04',
    what: '503 persists: moves on, opens the breaker',
    async run(context) {
      context.faults({ provider: 'a', kind: 'outage', status: 503 });
      for (let count = 0; count < 12; count++) servedBy(await context.ask('chain'), 'b');
      must(context.asked('a') <= 4, `asked ${context.asked('a')} times`);
    },
  },
  {
    id: 'S05',
    what: 'TCP reset: one answer',
    async run(context) {
      context.faults({ provider: 'a', kind: 'refused', times: 1 });
      servedBy(await context.ask('chain'), 'b');
      context.faults({ provider: 'a', kind: 'reset', times: 1 });
      servedBy(await context.ask('chain'), 'b');
    },
  },
  {
    id: 'S06',
    what: 'no response at all: the timeout fires in time, and the silent target is not asked first again',
    async run(context) {
      context.faults({ provider: 'a', kind: 'silence' });
      const seen = await context.ask('chain');
      servedBy(seen, 'b');
      must(seen.ms < 2000, `took ${seen.ms.toFixed(0)} ms`);
      must(context.asked('a') === 1, `asked ${context.asked('a')} times`);
    },
  },
  {
    id: 'S07',
    what: 'first token too late: moves on before anything reached the caller',
    async run(context) {
      context.faults({ provider: 'a', kind: 'slow', delay_ms: 3000, first_token: context.stream });
      const seen = await context.ask('chain');
      servedBy(seen, 'b');
      must(seen.ms < 2000, `took ${seen.ms.toFixed(0)} ms`);
    },
  },
  { id: 'S08', what: 'stream cut', run: (context) => midway(context, 'cut') },
  { id: 'S09', what: 'stream stalls', run: (context) => midway(context, 'stall') },
  { id: 'S10', what: 'malformed chunk', run: (context) => midway(context, 'malformed') },
  {
    id: 'S11',
    what: 'end without terminal event',
    run: (context) => midway(context, context.stream ? 'no-terminal' : 'malformed'),
  },
  {
    id: 'S12',
    what: 'context too long: a larger window, or the caller’s own 400',
    async run(context) {
      context.faults({ provider: 'a', kind: 'context-too-long' });
      const seen = await context.ask('windows');
      servedBy(seen, 'c');
      must(seen.target === 'c/large', `served by ${seen.target}`);
      const own = await context.ask('lone');
      must(own.status === 400, `status ${own.status}`);
    },
  },
  {
    id: 'S13',
    what: 'content filter: not routed around unless the route says so',
    async run(context) {
      context.faults({ provider: 'a', kind: 'content-filter' });
      const refused = await context.ask('chain');
      must(
        refused.status === 400 && context.asked('b') === 0,
        `status ${refused.status}, b asked ${context.asked('b')} times`,
      );
      servedBy(await context.ask('filtered'), 'b');
    },
  },
  {
    id: 'S14',
    what: 'the fallback refuses the shape: skipped, and the first error is not hidden',
    async run(context) {
      context.faults({ provider: 'a', kind: 'outage', status: 503 }, { provider: 'b', kind: 'refuse-shape' });
      servedBy(await context.ask('chain'), 'c');
      const seen = await context.ask('pair');
      must(seen.status >= 500, `the caller was told ${seen.status}: ${seen.errorText}`);
    },
  },
  {
    id: 'S15',
    what: 'a flap: back within 30 s of recovery, by single probes',
    async run(context) {
      context.faults({ provider: 'a', kind: 'outage', status: 503 });
      for (let count = 0; count < 6; count++) servedBy(await context.ask('chain'), 'b');
      context.faults();
      const recoveredMs = performance.now();
      let seen = await context.ask('chain');
      while (seen.target?.startsWith('a/') !== true && performance.now() - recoveredMs < 30_000) {
        await later(100);
        seen = await context.ask('chain');
      }
      servedBy(seen, 'a');
    },
  },
  {
    id: 'S16',
    what: 'accounting: the answer names the target that served, with that one’s usage',
    async run(context) {
      context.faults({ provider: 'a', kind: 'outage', status: 500 });
      const seen = await context.ask('chain');
      servedBy(seen, 'b');
      const served = context.service.simulator.log.list().findLast((arrival) => arrival.instance === 'b');
      must(
        served !== undefined && seen.outputTokens === served.outputTokens,
        `${seen.outputTokens} tokens told, ${served?.outputTokens} billed`,
      );
      must(seen.attempts === 2, `${seen.attempts} attempts told`);
    },
  },
];

export function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Each scenario gets a gateway of its own: no health is carried over. */
export async function runScenario(
  scenario: Scenario,
  dialect: DialectName,
  stream: boolean,
): Promise<string | undefined> {
  const service = await startTestGateway({ yaml });
  try {
    await scenario.run({
      service,
      stream,
      ask: (model, prompt = 'Hello there') => ask(service.url, dialect, stream, model, prompt),
      faults: (...faults) => service.simulator.setFaults({ faults }),
      asked: (instance) => service.simulator.log.counts()[instance]?.total ?? 0,
      answers: () => service.simulator.log.list().filter((arrival) => arrival.complete).length,
    });
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  } finally {
    await service.close();
  }
}
