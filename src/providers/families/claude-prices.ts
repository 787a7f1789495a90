/** What Anthropic asks for Claude; Google asks the same for its global endpoint. */
import { dollars } from '../../catalog/dollars.ts';
import { handPrice, listPrice } from '../../catalog/list-price.ts';
import type { Price } from '../../core/price.ts';

/** What genai-prices 0.1.8 lacks. Source: platform.claude.com, about-claude/pricing, batch processing and the model pages, October and November 2026. */
export const ownPrices: Readonly<Record<string, Price>> = {
  'claude-fable-5-2': {
    tiers: [dollars({ input: 8, output: 40, cacheRead: 0.2, cacheWrite5m: 10, cacheWrite1h: 16 })],
  },
  'claude-mythos-5-1': {
    tiers: [dollars({ input: 10, output: 50, cacheRead: 0.25, cacheWrite5m: 12.5, cacheWrite1h: 20 })],
  },
  'claude-mythos-5': {
    tiers: [dollars({ input: 10, output: 50, cacheRead: 1, cacheWrite5m: 12.5, cacheWrite1h: 20 })],
  },
  // Cached reads were halved on 7 October 2026.
  'claude-sonnet-5-5': {
    tiers: [dollars({ input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5, cacheWrite1h: 4 })],
  },
  'claude-haiku-5-5': {
    tiers: [
      dollars({ input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite5m: 0.125, cacheWrite1h: 0.2 }),
      dollars({ input: 0.5, output: 2.5, cacheRead: 0.05, cacheWrite5m: 0.625, cacheWrite1h: 1 }, 100_000),
    ],
  },
};

export function claudeListPrice(model: string, now: number): Price | undefined {
  const price = handPrice(ownPrices, model) ?? listPrice('anthropic', model, now);
  return price && withHourWrites(price);
}

/**
 * A cache write for an hour costs twice the input, where a list does not say: platform.claude.com, prompt caching, November 2026; AWS
 * lists the same ratio for Opus 5.5. A model without a price for short writes has no cache.
 */
export function withHourWrites(list: Price): Price {
  const [first, ...higher] = list.tiers;
  const complete = ({ aboveInputTokens, rates }: typeof first): typeof first => ({
    aboveInputTokens,
    rates: rates.cacheWrite5m === undefined ? rates : { cacheWrite1h: 2 * rates.input, ...rates },
  });
  return { ...list, tiers: [complete(first), ...higher.map(complete)] };
}
