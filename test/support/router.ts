/** Targets, routes and calls for router tests: plain data, and an upstream that plays a script. */
import { createCalibration } from '../../src/catalog/calibration.ts';
import { capabilities } from '../../src/core/capability.ts';
import type { Clock } from '../../src/core/clock.ts';
import { GatewayError } from '../../src/core/errors.ts';
import type { Emit } from '../../src/core/event.ts';
import type { ModelInfo } from '../../src/core/model.ts';
import type { FrameDecoder } from '../../src/core/stream.ts';
import type { Limits } from '../../src/limits/contract.ts';
import { MemoryLimits } from '../../src/limits/memory/limits.ts';
import type { ChatEndpoint } from '../../src/providers/contract.ts';
import { BudgetAlerts } from '../../src/router/budgets.ts';
import type { Measure, Meter, Target, Timeouts } from '../../src/router/chain/contract.ts';
import type {
  BreakerPolicy,
  BudgetRule,
  Call,
  Policy,
  Receiver,
  Route,
  Sink,
  Upstream,
} from '../../src/router/contract.ts';
import { type GateWorld, Pass } from '../../src/router/gate.ts';
import { Learning } from '../../src/router/learning.ts';
import { readSse, relaySse } from '../../src/wire/sse-stream.ts';

export const breaker: BreakerPolicy = {
  failures: 3,
  ratio: 0.5,
  windowMs: 30_000,
  openMs: 5_000,
  openCapMs: 20_000,
};

export const timeouts: Timeouts = {
  connectMs: 1_000,
  firstByteMs: 5_000,
  firstTokenMs: 8_000,
  answerMs: 20_000,
  idleMs: 5_000,
  totalMs: 60_000,
  flexMs: 900_000,
};

export function model(overrides: Partial<ModelInfo> = {}): ModelInfo {
  return {
    id: 'some-model',
    known: true,
    capabilities: new Set(capabilities),
    sampling: 'free',
    thinking: 'none',
    midSystem: true,
    prefill: true,
    nativeSchema: true,
    ...overrides,
  };
}

export function target(name: string, overrides: Partial<Target> = {}): Target {
  const info = overrides.model ?? model({ id: name });
  return {
    name,
    provider: name.split('/')[0] ?? name,
    mode: 'sync',
    model: info,
    timeouts,
    limits: { meters: [], places: [] },
    chat: endpoint(info),
    ...overrides,
  };
}

export function route(targets: readonly Target[], overrides: Partial<Route> = {}): Route {
  return {
    name: 'assistant',
    rules: [],
    chain: targets.map((one) => ({ options: [{ target: one, weight: 1 }] })),
    retry: { rounds: 3, sameTarget: 0, baseMs: 200, capMs: 8_000, retryAfterCapMs: 60_000 },
    budgetMs: 120_000,
    strict: false,
    onContentFilter: 'return',
    onOverBudget: 'refuse',
    reserve: 'worst',
    knownPrices: false,
    order: 'listed',
    sticky: false,
    complexity: { mostChars: 4_000, weights: {}, scorer: 'heuristic' },
    waiting: {
      syncUnderMs: 30_000,
      queueUnderMs: 3_600_000,
      flex: true,
      deadlineMs: 86_400_000,
      batchItems: 5_000,
      batchAgeMs: 600_000,
      leastItems: 20,
    },
    ...overrides,
  };
}

export function call(overrides: Partial<Call> = {}): Call {
  return {
    id: 'req_test',
    facts: {
      operation: 'chat',
      model: 'assistant',
      stream: true,
      inputTokens: 100,
      needs: [],
      nativeOnly: false,
    },
    protocol: 'openai-chat',
    tags: [],
    priority: 'normal',
    headers: {},
    draw: 0,
    startedAtMs: 1_000_000,
    bodyBytes: 400,
    prepare: () => ({
      body: '{}',
      headers: {},
      dropped: [],
      relay: true,
      forwarded: { stream: true, streamUsage: true, headers: {} },
    }),
    ...overrides,
  };
}

/** Frames: `text:…` adds text, `error:CODE` fails, `end` ends, `ping` is nothing; all else is malformed. */
export function wordDecoder(): FrameDecoder {
  let open = false;
  return {
    frame(frame, emit: Emit) {
      if (frame.data === 'ping') return;
      if (frame.data === 'end') return emit({ type: 'end' });
      if (frame.data === 'error')
        return emit({
          type: 'error',
          error: new GatewayError('upstream_overloaded', 'busy', { upstream: { status: 529 } }),
        });
      if (!frame.data.startsWith('text:')) throw new GatewayError('upstream_malformed', 'unreadable');
      if (!open) emit({ type: 'start', id: 'a', model: 'm' });
      if (!open) emit({ type: 'block-start', index: 0, block: { type: 'text' } });
      open = true;
      emit({ type: 'block-delta', index: 0, text: frame.data.slice(5) });
    },
    finish() {},
  };
}

export function endpoint(info: ModelInfo): ChatEndpoint {
  return {
    protocol: 'openai-chat',
    model: info,
    carries: info.capabilities,
    encode: () => ({ body: {}, dropped: [] }),
    forward: () => ({}),
    request: (body) => ({ method: 'POST', origin: 'http://upstream.test', path: '/', headers: {}, body }),
    readAnswer(_body, emit) {
      emit({ type: 'end' });
    },
    openStream: () => readSse(wordDecoder()),
    openRelay: () => relaySse(wordDecoder()),
    readError: ({ status }) =>
      new GatewayError(status === 400 ? 'invalid_request' : 'upstream_fault', 'refused', {
        upstream: { status },
      }),
  };
}

export function policy(overrides: Partial<Policy> = {}): Policy {
  return {
    version: 1,
    find: () => undefined,
    target: () => undefined,
    webhook: () => undefined,
    names: [],
    routes: [],
    targets: [],
    breaker,
    budgets: [],
    ...overrides,
  };
}

export function meter(key: string, limit: number, measure: Measure = 'requests', headroom = 0.7): Meter {
  return { bucket: { key, limit, periodMs: 60_000, burst: limit }, measure, headroom };
}

/** All spending of a day that ends with the first of January 1970. */
export function budgetRule(overrides: Partial<BudgetRule> = {}): BudgetRule {
  return {
    name: 'all/day',
    scope: 'all',
    of: '',
    period: 'day',
    capNanoUsd: 1_000_000,
    hard: true,
    alertShares: [],
    window: () => ({ name: 'now', startMs: 0, endMs: 86_400_000 }),
    ...overrides,
  };
}

/** A gate over limits of this process. */
export function gateWorld(clock: Clock, limits: Limits = new MemoryLimits({ clock })): GateWorld {
  return {
    limits,
    clock,
    estimates: createCalibration(),
    learning: new Learning(limits),
    alerts: new BudgetAlerts(limits, () => {}),
  };
}

/** A way through a gate that is open to everybody. */
export function openPass(clock: Clock, asking: Call, way: Route): Pass {
  return new Pass(gateWorld(clock), asking, way, policy());
}

export interface Sent {
  readonly receiver: Receiver;
  aborted: boolean;
  paused: boolean;
}

/** Records what is sent; the test plays the provider through each `receiver`. */
export function scriptedUpstream(): Upstream & { readonly sent: Sent[] } {
  const sent: Sent[] = [];
  return {
    sent,
    send(_request, _timeouts, receiver) {
      const one: Sent = { receiver, aborted: false, paused: false };
      sent.push(one);
      return {
        abort: () => {
          one.aborted = true;
        },
        pause: () => {
          one.paused = true;
        },
        resume: () => {
          one.paused = false;
        },
      };
    },
    close: async () => {},
  };
}

export interface FakeSink extends Sink {
  hangUp(): void;
}

export function fakeSink(): FakeSink {
  const watchers = new Set<() => void>();
  const sink = {
    closed: false,
    onClose(callback: () => void) {
      watchers.add(callback);
      return () => {
        watchers.delete(callback);
      };
    },
    hangUp() {
      sink.closed = true;
      for (const watcher of [...watchers]) watcher();
    },
  };
  return sink;
}
