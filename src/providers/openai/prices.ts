/** What OpenAI asks. */
import type { Provider } from '../contract.ts';
import { priceIn } from '../families/mode-price.ts';
import { openAiListPrice, openAiTerms } from '../families/openai-prices.ts';
import { createPriceBook } from '../families/price-book.ts';

export function createPrices(now: () => number): NonNullable<Provider['price']> {
  return createPriceBook(now, (model, mode, time) =>
    priceIn(mode, openAiTerms(model), openAiListPrice(model, time)),
  );
}
