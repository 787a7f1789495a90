/** What Google asks on Vertex AI: for Gemini its own list, for Claude Anthropic’s. */
import { canonicalModel } from '../../catalog/catalog.ts';
import { listPrice } from '../../catalog/list-price.ts';
import type { Price } from '../../core/price.ts';
import type { Provider } from '../contract.ts';
import { claudeListPrice } from '../families/claude-prices.ts';
import { priceIn, priceOn, type Terms } from '../families/mode-price.ts';
import { createPriceBook } from '../families/price-book.ts';

/** `usageMetadata.trafficType`. Priority is 1.8 times the list for the newest Flash models, and 1.75 to 2 for others (ai.google.dev, pricing and optimization, November 2026). */
const served = { ON_DEMAND: 1, ON_DEMAND_FLEX: 0.5, ON_DEMAND_PRIORITY: 1.8 };

/**
 * Half in batches, but a cached token keeps its cached rate: the two discounts do not stack, the cache’s goes first
 * (docs.cloud.google.com, batch inference, November 2026). That flex is alike is the dearer reading of a page that is silent on it.
 */
const geminiTerms: Terms = {
  sync: { factor: 1, cache: 'stacks', served },
  flex: { factor: 0.5, cache: 'replaces', served },
  batch: { factor: 0.5, cache: 'replaces' },
};

/** Half in batches; neither flex nor priority (docs.cloud.google.com, partner models’ batch predictions, November 2026). */
const claudeTerms: Terms = {
  sync: { factor: 1, cache: 'stacks' },
  batch: { factor: 0.5, cache: 'stacks' },
};

/** Regions and multi-regions cost a tenth more than `global` from Claude 4.5 on; these are older (platform.claude.com, November 2026). */
const regionFactor = 1.1;
const sameEverywhere = /^claude-(?:[23]|opus-4(?:-1)?$|sonnet-4$)/;

export function createPrices(location: string, now: () => number): NonNullable<Provider['price']> {
  return createPriceBook(now, (model, mode, time) =>
    model.startsWith('claude')
      ? priceIn(mode, claudeTerms, claudeHere(model, location, time))
      : priceIn(mode, geminiTerms, listPrice('google', model, time)),
  );
}

/** Google’s own rows for Claude in the list repeat Anthropic’s, and some are out of date. */
function claudeHere(model: string, location: string, now: number): Price | undefined {
  const list = claudeListPrice(model, now);
  const premium = location !== 'global' && !sameEverywhere.test(canonicalModel(model));
  return list && premium ? priceOn({ factor: regionFactor, cache: 'stacks' }, list) : list;
}
