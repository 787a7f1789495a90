/** Real rate limits: token buckets with continuous refill, as providers have them. A gateway that overruns them is told so, and counted. */
import type { Clock } from '../core/clock.ts';
import { matchesPattern } from '../core/pattern.ts';
import type { Limit } from './faults.ts';

const measures = ['requests', 'input', 'output'] as const;
type Measure = (typeof measures)[number];

interface Bucket {
  readonly instance: string;
  readonly model: string;
  readonly measure: Measure;
  readonly perMinute: number;
  readonly sinceMs: number;
  level: number;
  /** The same, less what was refused: what would be left if nobody were ever refused. */
  asked: number;
  atMs: number;
  granted: number;
  refused: number;
  worst: number;
}

/** One bucket so far. */
export interface LimitUsage {
  readonly instance: string;
  readonly model: string;
  readonly measure: Measure;
  readonly perMinute: number;
  /** Since the first request. */
  readonly forMs: number;
  readonly granted: number;
  readonly refused: number;
  /** The most that could have been granted until now: what was in the bucket, and all that ran in. */
  readonly most: number;
  /** By how much the calls of any one window were over what is allowed in it, those that were refused included. */
  readonly worstOverrun: number;
}

export interface Standing {
  readonly requests?: { readonly limit: number; readonly remaining: number };
  readonly tokens?: { readonly limit: number; readonly remaining: number };
}

export interface Limits {
  /** Takes a request's share. `retryAfterMs` where there is not enough. */
  take(
    instance: string,
    model: string,
    inputTokens: number,
  ):
    | { readonly ok: true; readonly standing: Standing }
    | { readonly ok: false; readonly retryAfterMs: number };
  /** An answer has ended. */
  release(instance: string, model: string, outputTokens: number): void;
  /** Requests refused: each is a 429 that somebody was sent. */
  readonly violations: () => number;
  usage(): readonly LimitUsage[];
}

export function createLimits(list: readonly Limit[], clock: Clock): Limits {
  const buckets = new Map<string, Bucket>();
  const running = new Map<string, number>();
  let violations = 0;

  const find = (instance: string, model: string): Limit | undefined =>
    list.find((limit) => matchesPattern(limit.provider, instance) && matchesPattern(limit.model, model));

  function bucket(instance: string, model: string, measure: Measure, perMinute: number): Bucket {
    const key = `${instance}/${model} ${measure}`;
    const now = clock.now();
    const one = buckets.get(key) ?? begin({ instance, model, measure, perMinute }, now);
    buckets.set(key, one);
    const refilled = ((now - one.atMs) / 60_000) * perMinute;
    one.level = Math.min(perMinute, one.level + refilled);
    one.asked = Math.min(perMinute, one.asked + refilled);
    one.atMs = now;
    return one;
  }

  function take(instance: string, model: string, inputTokens: number): ReturnType<Limits['take']> {
    const limit = find(instance, model);
    if (limit === undefined) return { ok: true, standing: {} };
    const key = `${instance}/${model}`;
    const of = (measure: Measure, perMinute: number | undefined): Bucket | undefined =>
      perMinute === undefined ? undefined : bucket(instance, model, measure, perMinute);
    const requests = of('requests', limit.rpm);
    const input = of('input', limit.input_tpm);
    const output = of('output', limit.output_tpm);
    // Output is counted as it is made, so there must be some room, and what is made without is debt.
    const wanted = [
      { bucket: requests, amount: 1, needed: 1 },
      { bucket: input, amount: inputTokens, needed: inputTokens },
      { bucket: output, amount: 0, needed: 1 },
    ].flatMap(({ bucket: one, amount, needed }) => (one === undefined ? [] : [{ one, amount, needed }]));
    const busy = limit.concurrent !== undefined && (running.get(key) ?? 0) >= limit.concurrent;
    const short = wanted.filter(({ one, needed }) => one.level < needed);
    if (busy || short.length > 0) {
      violations += 1;
      for (const { one, amount } of wanted) refuse(one, amount);
      const waits = short.map(({ one, needed }) => ((needed - one.level) / one.perMinute) * 60_000);
      return { ok: false, retryAfterMs: Math.max(1, ...waits) };
    }
    for (const { one, amount } of wanted) grant(one, amount);
    running.set(key, (running.get(key) ?? 0) + 1);
    return {
      ok: true,
      standing: {
        ...(requests === undefined ? {} : { requests: standing(requests) }),
        ...(input === undefined ? {} : { tokens: standing(input) }),
      },
    };
  }

  return {
    take,
    release(instance, model, outputTokens) {
      const limit = find(instance, model);
      const key = `${instance}/${model}`;
      if (limit?.output_tpm !== undefined)
        grant(bucket(instance, model, 'output', limit.output_tpm), outputTokens);
      const count = running.get(key);
      if (count !== undefined) running.set(key, Math.max(0, count - 1));
    },
    violations: () => violations,
    usage: () =>
      [...buckets.values()].map((one) => {
        const forMs = clock.now() - one.sinceMs;
        return {
          instance: one.instance,
          model: one.model,
          measure: one.measure,
          perMinute: one.perMinute,
          forMs,
          granted: one.granted,
          refused: one.refused,
          most: Math.floor(one.perMinute * (1 + forMs / 60_000)),
          worstOverrun: Math.ceil(one.worst),
        };
      }),
  };
}

function begin(of: Pick<Bucket, 'instance' | 'model' | 'measure' | 'perMinute'>, now: number): Bucket {
  const full = { level: of.perMinute, asked: of.perMinute, atMs: now, sinceMs: now };
  return { ...of, ...full, granted: 0, refused: 0, worst: 0 };
}

function grant(one: Bucket, amount: number): void {
  one.level -= amount;
  one.granted += amount;
  ask(one, amount);
}

function refuse(one: Bucket, amount: number): void {
  one.refused += amount;
  ask(one, amount);
}

function ask(one: Bucket, amount: number): void {
  one.asked -= amount;
  one.worst = Math.max(one.worst, -one.asked);
}

function standing(one: Bucket): { limit: number; remaining: number } {
  return { limit: one.perMinute, remaining: Math.max(0, Math.floor(one.level)) };
}
