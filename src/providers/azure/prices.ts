/**
 * What Azure asks for Global deployments, which is OpenAI’s price where its own is not in the list. Data Zone and regional deployments cost
 * some 10 to 20 percent more, and nothing in a request tells which one it goes to: their price belongs into YAML.
 */
import { listPrice } from '../../catalog/list-price.ts';
import type { Provider } from '../contract.ts';
import { priceIn } from '../families/mode-price.ts';
import { openAiListPrice, openAiTerms } from '../families/openai-prices.ts';
import { createPriceBook } from '../families/price-book.ts';

/** By model, not by deployment: `deployments` in YAML maps one to the other. */
export function createPrices(now: () => number): NonNullable<Provider['price']> {
  return createPriceBook(now, (model, mode, time) =>
    priceIn(mode, openAiTerms(model), listPrice('azure', model, time) ?? openAiListPrice(model, time)),
  );
}
