/** Limits, budgets and prices of the config, in the router’s own terms. */
import { present } from '../core/present.ts';
import type { Price } from '../core/price.ts';
import type { Mode, TargetName } from '../core/target.ts';
import { createWindows } from '../limits/window.ts';
import type { BatchRoom, LimitSet, Measure, Meter, Places } from '../router/chain/contract.ts';
import type { BudgetRule } from '../router/contract.ts';
import type { Config } from './schema.ts';

type Limits = Config['limits'][string];

const minuteMs = 60_000;
const dayMs = 86_400_000;

const rates: readonly (readonly [
  key: 'rpm' | 'rpd' | 'input_tpm' | 'output_tpm' | 'tpm',
  Measure,
  number,
])[] = [
  ['rpm', 'requests', minuteMs],
  ['rpd', 'requests', dayMs],
  ['input_tpm', 'input', minuteMs],
  ['output_tpm', 'output', minuteMs],
  ['tpm', 'tokens', minuteMs],
];

/** The limits of a provider and those of its model hold together. */
export function limitsFor(
  { provider, model }: Pick<TargetName, 'provider' | 'model'>,
  all: Config['limits'],
): LimitSet {
  const meters: Meter[] = [];
  const places: Places[] = [];
  for (const name of [provider, `${provider}/${model}`]) {
    const written = Object.hasOwn(all, name) ? all[name] : undefined;
    if (written !== undefined) addLimits(name, written, meters, places);
  }
  return { meters, places };
}

function addLimits(name: string, written: Limits, meters: Meter[], places: Places[]): void {
  for (const [key, measure, periodMs] of rates) {
    const limit = written[key];
    if (limit === undefined) continue;
    // Rounded so that a small limit keeps all of itself.
    const burst = Math.max(1, limit - Math.floor(limit * (1 - written.burst)));
    meters.push({
      bucket: { key: `${name} ${key}`, limit, periodMs, burst },
      measure,
      headroom: written.headroom,
    });
  }
  if (written.concurrent !== undefined)
    places.push({ key: `${name} concurrent`, limit: written.concurrent, headroom: written.headroom });
}

/** The narrower of a provider's and its model's: a place is held in one of them. */
export function batchRoomFor(
  { provider, model }: Pick<TargetName, 'provider' | 'model'>,
  all: Config['limits'],
): BatchRoom | undefined {
  const room: { -readonly [Key in keyof BatchRoom]: BatchRoom[Key] } = {};
  for (const name of [provider, `${provider}/${model}`]) {
    const written = Object.hasOwn(all, name) ? all[name]?.batch : undefined;
    if (written?.concurrent !== undefined) room.jobs = { key: `${name} batches`, limit: written.concurrent };
    if (written?.enqueued_tokens !== undefined)
      room.tokens = { key: `${name} enqueued`, limit: written.enqueued_tokens };
    if (written?.requests !== undefined) room.mostItems = written.requests;
  }
  return Object.keys(room).length === 0 ? undefined : room;
}

const periods = [
  ['daily', 'day'],
  ['weekly', 'week'],
  ['monthly', 'month'],
] as const;

/** One rule a cap. */
export function budgetRules(written: Config['budgets']): readonly BudgetRule[] {
  return written.flatMap((budget) => {
    const { scope, hard, zone } = budget;
    const of = scope === 'all' ? '' : (budget[scope] ?? '');
    const owner = scope === 'all' ? 'all' : `${scope}:${of}`;
    const base = { scope, of, hard, alertShares: [...budget.alerts].sort((a, b) => a - b) };
    const name = (period: string): string => `${owner}${hard ? '' : '~soft'}/${period}`;
    const rules = periods.flatMap(([key, period]): BudgetRule[] => {
      const cap = budget[key];
      if (cap === undefined) return [];
      const window = createWindows(period, zone);
      return [{ ...base, name: name(period), period, capNanoUsd: cap * 1000, window }];
    });
    const { per_batch: perBatch } = budget;
    if (perBatch === undefined) return rules;
    const window = (nowMs: number) => ({ name: 'batch', startMs: 0, endMs: nowMs + longestBatchMs });
    return [
      ...rules,
      { ...base, name: name('batch'), period: 'batch' as const, capNanoUsd: perBatch * 1000, window },
    ];
  });
}

/** No provider runs one for longer, results and all. */
const longestBatchMs = 30 * dayMs;

/** Micro-dollars for a million tokens to nano-dollars for one. */
const perToken = (microUsd: number): number => microUsd / 1000;

/** The config's own price of a model in a mode; `undefined` where it says none. */
export function writtenPrice(
  { provider, model }: Pick<TargetName, 'provider' | 'model'>,
  mode: Mode,
  prices: Config['prices'],
): Price | undefined {
  const name = `${provider}/${model}`;
  const written = Object.hasOwn(prices, name) ? prices[name] : undefined;
  if (written === undefined) return undefined;
  const share = mode === 'batch' ? written.batch : mode === 'flex' ? written.flex : 1;
  const rate = (microUsd: number | undefined): number | undefined =>
    microUsd === undefined ? undefined : perToken(microUsd) * share;
  const rates = {
    input: perToken(written.input) * share,
    output: perToken(written.output) * share,
    ...present({
      cacheRead: rate(written.cache_read),
      cacheWrite5m: rate(written.cache_write),
      cacheWrite1h: rate(written.cache_write_1h),
    }),
  };
  return { tiers: [{ aboveInputTokens: 0, rates }] };
}
