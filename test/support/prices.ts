/** Prices as one reads them on a price page, for tables of known ones. */
import type { Price, Rates } from '../../src/core/price.ts';

/** Dollars per million tokens: input, output, cached reads, writes for 5 minutes, writes for an hour. */
export type Dollars = readonly [
  input: number,
  output: number,
  cacheRead?: number,
  cacheWrite5m?: number,
  cacheWrite1h?: number,
];

/** Of one tier; absent rates at the end are left out. */
export function dollarsOf(price: Price | undefined, tier = 0): readonly (number | undefined)[] | undefined {
  const rates: Rates | undefined = price?.tiers[tier]?.rates;
  if (rates === undefined) return undefined;
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = rates;
  const all = [input, output, cacheRead, cacheWrite5m, cacheWrite1h].map((rate) =>
    rate === undefined ? undefined : Math.round(rate * 1e3) / 1e6,
  );
  return all.slice(0, 1 + all.findLastIndex((rate) => rate !== undefined));
}

/** When the prices in the tests were read. */
export const november2026 = Date.parse('2026-11-20T12:00:00Z');
