/** What the servers ask that are known by their address or flavor. One’s own hardware asks nothing by the token. */
import { exactListPrice, vendorAt } from '../../catalog/list-price.ts';
import type { Price } from '../../core/price.ts';
import type { Provider } from '../contract.ts';
import { priceIn, type Terms } from '../families/mode-price.ts';
import { createPriceBook } from '../families/price-book.ts';
import type { Flavor } from './flavors.ts';
import type { Settings } from './settings.ts';

/** By their ids in the price list. Flavors that are missing are gateways, or say nothing of who runs them. */
const vendors: Partial<Record<Flavor, string>> = {
  groq: 'groq',
  mistral: 'mistral',
  deepseek: 'deepseek',
  together: 'together',
  openrouter: 'openrouter',
  xai: 'x-ai',
  gemini: 'google',
};
const localFlavors: ReadonlySet<Flavor> = new Set<Flavor>(['ollama', 'vllm']);

const free: Price = { tiers: [{ aboveInputTokens: 0, rates: { input: 0, output: 0 } }] };

const asListed = { factor: 1, cache: 'stacks' } as const;
const plain: Terms = { sync: asListed };
/** Nothing costs nothing in either mode. */
const freeTerms: Terms = { sync: asListed, flex: asListed };
/** Where a batch’s discount is not one known number (Together "up to 50 %", xAI 20 to 50 %) batches have no price. November 2026. */
const termsOf: Readonly<Record<string, Terms>> = {
  // Flex costs what on-demand does (console.groq.com/docs/flex-processing), batches half (groq.com/pricing). Nobody says that the cache’s
  // discount stacks, so it does not: here and at Mistral that is the dearer reading.
  groq: {
    ...plain,
    flex: { factor: 1, cache: 'stacks' },
    batch: { factor: 0.5, cache: 'none' },
  },
  // docs.mistral.ai, batch inference: half.
  mistral: { ...plain, batch: { factor: 0.5, cache: 'none' } },
  // ai.google.dev/gemini-api/docs/batch-api: cached tokens at their standard cached rate.
  google: { ...plain, batch: { factor: 0.5, cache: 'replaces' } },
};

/** Names that moved on to newer models, at other prices, while the list stood still. */
const moved = new Set(['mistral-large-latest', 'mistral-small-latest']);

/** An address that is known wins over the flavor: a vendor’s API may well be vLLM. */
export function createPrices(
  { base_url: baseUrl, flavor }: Settings,
  now: () => number,
): NonNullable<Provider['price']> {
  const vendor = vendorAt(baseUrl) ?? vendors[flavor];
  return createPriceBook(now, (model, mode, time) => {
    if (vendor === undefined) return localFlavors.has(flavor) ? priceIn(mode, freeTerms, free) : undefined;
    if (vendor === 'openrouter' && model.endsWith(':free')) return priceIn(mode, plain, free);
    const list = moved.has(model) ? undefined : exactListPrice(vendor, model, time);
    return priceIn(mode, termsOf[vendor] ?? plain, list);
  });
}
