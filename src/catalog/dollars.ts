/** Prices as their makers write them, in dollars per million tokens, to ours in nano-dollars a token. */
import type { PriceTier, Rates } from '../core/price.ts';

/** Rounded, since 0.28 * 1000 is no whole number in binary. */
export function nanoDollars(dollarsPerMillion: number): number {
  return Math.round(dollarsPerMillion * 1e9) / 1e6;
}

/** One tier of a price that is written by hand. */
export function dollars(rates: Rates, aboveInputTokens = 0): PriceTier {
  return { aboveInputTokens, rates: mapRates(rates, nanoDollars) };
}

export function mapRates(rates: Rates, change: (rate: number, field: keyof Rates) => number): Rates {
  const changed: { -readonly [Field in keyof Rates]: Rates[Field] } = {
    input: change(rates.input, 'input'),
    output: change(rates.output, 'output'),
  };
  for (const field of optionalRates) {
    const rate = rates[field];
    if (rate !== undefined) changed[field] = change(rate, field);
  }
  return changed;
}

export const optionalRates = [
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
  'audioInput',
  'audioOutput',
] as const satisfies readonly (keyof Rates)[];
