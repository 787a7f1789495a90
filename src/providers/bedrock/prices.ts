/** What AWS asks in its US regions; some others cost more for models that are not Claude, which only YAML can say. */
import { dollars } from '../../catalog/dollars.ts';
import { exactListPrice } from '../../catalog/list-price.ts';
import type { Price } from '../../core/price.ts';
import type { Provider } from '../contract.ts';
import { withHourWrites } from '../families/claude-prices.ts';
import { vendorOf } from '../families/converse/traits.ts';
import { priceIn, type Terms } from '../families/mode-price.ts';
import { createPriceBook } from '../families/price-book.ts';

/** The list takes the second Titan for the first, which costs five times as much. Source: openrouter.ai, which passes on AWS’s price, October 2026. */
export const ownPrices: Readonly<Record<string, Price>> = {
  'amazon.titan-embed-text-v2:0': { tiers: [dollars({ input: 0.02, output: 0 })] },
};

/** Half in batches, which have no prompt cache: AWS user guide, batch inference, November 2026. */
const batch = { factor: 0.5, cache: 'none' } as const;

/** `priority` and `flex` as Nova has them in the AWS price list for us-east-1, September 2026. `reserved` is paid by the hour and counts as standard. */
const served = { default: 1, flex: 0.5, priority: 1.75 };
const terms: Terms = {
  sync: { factor: 1, cache: 'stacks', served },
  flex: { factor: 0.5, cache: 'stacks', served },
  batch,
};
/** Claude has no tiers here. */
const claudeTerms: Terms = { sync: { factor: 1, cache: 'stacks' }, batch };

/** Ids are taken as they are written: `global.` in front is a tenth cheaper than a region. */
export function createPrices(now: () => number): NonNullable<Provider['price']> {
  return createPriceBook(now, (model, mode, time) => {
    // An inference profile may be named by its ARN, which ends in the id.
    const id = model.slice(model.lastIndexOf('/') + 1);
    const list = Object.hasOwn(ownPrices, id) ? ownPrices[id] : exactListPrice('aws', id, time);
    return vendorOf(id) === 'anthropic'
      ? priceIn(mode, claudeTerms, list && withHourWrites(list))
      : priceIn(mode, terms, list);
  });
}
