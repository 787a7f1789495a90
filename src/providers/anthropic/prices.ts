/** What Anthropic asks. */
import type { Provider } from '../contract.ts';
import { claudeListPrice } from '../families/claude-prices.ts';
import { priceIn, type Terms } from '../families/mode-price.ts';
import { createPriceBook } from '../families/price-book.ts';

/**
 * Batches are half of everything, cache reads and writes included: platform.claude.com, build-with-claude/batch-processing, November 2026.
 * `priority` is paid for in advance, at a rate that only its contract says, so it counts as standard. There is no flex.
 */
const terms: Terms = {
  sync: { factor: 1, cache: 'stacks', served: { standard: 1, batch: 0.5 } },
  batch: { factor: 0.5, cache: 'stacks' },
};

export function createPrices(now: () => number): NonNullable<Provider['price']> {
  return createPriceBook(now, (model, mode, time) => priceIn(mode, terms, claudeListPrice(model, time)));
}
