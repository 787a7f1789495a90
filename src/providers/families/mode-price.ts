/** What a mode costs, from the list price and the terms on which a provider offers the mode. */
import { mapRates } from '../../catalog/dollars.ts';
import type { Price, Rates } from '../../core/price.ts';
import type { Mode } from '../../core/target.ts';

export interface ModeTerms {
  /** Over the list price. */
  readonly factor: number;
  /**
   * What becomes of the cache's rates: they are discounted with all others (`stacks`), a token that the cache served costs what
   * it does without the mode (`replaces`), or there is no cache in this mode (`none`).
   */
  readonly cache: 'stacks' | 'replaces' | 'none';
  /** By the word in which an answer says what tier served it: a factor over the list price, the standard tier's words included. */
  readonly served?: Readonly<Record<string, number>>;
}

/** A mode that is absent is not offered. Our own queue sends what `sync` sends. */
export type Terms = Readonly<Partial<Record<Exclude<Mode, 'queue'>, ModeTerms>>>;

export function priceIn(mode: Mode, terms: Terms, list: Price | undefined): Price | undefined {
  const offered = terms[mode === 'queue' ? 'sync' : mode];
  return list === undefined || offered === undefined ? undefined : priceOn(offered, list);
}

export function priceOn({ factor, cache, served }: ModeTerms, list: Price): Price {
  const [first, ...higher] = list.tiers;
  const change = (tier: typeof first) => ({ ...tier, rates: ratesOn(factor, cache, tier.rates) });
  const tierFactors = Object.entries(served ?? {})
    .map(([word, byList]) => [word, byList / factor] as const)
    .filter(([, byMode]) => byMode !== 1);
  return {
    tiers: [change(first), ...higher.map(change)],
    ...(tierFactors.length === 0 ? {} : { tierFactors: Object.fromEntries(tierFactors) }),
  };
}

function ratesOn(factor: number, cache: ModeTerms['cache'], rates: Rates): Rates {
  // Nothing is gained by a picodollar, and 3.3 / 2 should not become 1.6500000000000001.
  const times = (rate: number, by: number) => Math.round(rate * by * 1e6) / 1e6;
  if (cache === 'none') {
    const { cacheRead: _read, cacheWrite5m: _short, cacheWrite1h: _long, ...plain } = rates;
    return mapRates(plain, (rate) => times(rate, factor));
  }
  const keeps = cache === 'replaces';
  return mapRates(rates, (rate, field) => times(rate, keeps && field === 'cacheRead' ? 1 : factor));
}
