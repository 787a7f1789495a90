/** OpenAI’s models, where they cost what OpenAI asks: on its own API and, with Global deployments, on Azure. */
import { canonicalModel } from '../../catalog/catalog.ts';
import { dollars } from '../../catalog/dollars.ts';
import { handPrice, listPrice } from '../../catalog/list-price.ts';
import type { ModelInfo } from '../../core/model.ts';
import type { Price } from '../../core/price.ts';
import type { Terms } from './mode-price.ts';

/** What genai-prices 0.1.8 lacks or has wrong, by canonical name. Sources: developers.openai.com/api/docs/models, November 2026. */
export const ownPrices: Readonly<Record<string, Price>> = {
  'gpt-6.1-sol': {
    tiers: [
      dollars({ input: 2, output: 10, cacheRead: 0.1, cacheWrite5m: 2.5 }),
      dollars({ input: 4, output: 15, cacheRead: 0.2, cacheWrite5m: 5 }, 272_000),
    ],
  },
  // Writes are for 30 minutes; those for 12 hours cost $2.50, but no answer tells them apart.
  'gpt-6.1-terra': {
    tiers: [
      dollars({ input: 1, output: 5, cacheRead: 0.05, cacheWrite5m: 1.25 }),
      dollars({ input: 2, output: 7.5, cacheRead: 0.1, cacheWrite5m: 2.5 }, 272_000),
    ],
  },
  // The list has their text alone; audio costs sixteen times as much and more.
  'gpt-4o-audio-preview': {
    tiers: [dollars({ input: 2.5, output: 10, audioInput: 40, audioOutput: 80 })],
  },
  'gpt-4o-mini-audio-preview': {
    tiers: [dollars({ input: 0.15, output: 0.6, audioInput: 10, audioOutput: 20 })],
  },
};

export function openAiListPrice(model: string, now: number): Price | undefined {
  return handPrice(ownPrices, model) ?? listPrice('openai', model, now);
}

/**
 * Priority, now named fast mode, over the list price: openai.com/api-priority-processing, read in 2026. Where a model is not on that page the
 * factor is the usual 2: to take a dear answer for a plain one would overrun budgets.
 */
const priorityFactors: readonly (readonly [RegExp, number])[] = [
  [/^gpt-5\.5$/, 12.5 / 5],
  [/^gpt-5-mini$/, 0.45 / 0.25],
  [/^gpt-4\.1(?:-mini)?$/, 3.5 / 2],
  [/^gpt-4o$/, 4.25 / 2.5],
  [/^gpt-4o-mini$/, 0.25 / 0.15],
  [/^o3$/, 3.5 / 2],
  [/^o4-mini$/, 2 / 1.1],
];
const usualPriority = 2;

/** Flex is not offered for all models: those on the price page’s flex tab, as its guide and the model pages name them. */
const flexible = /^(?:gpt-[56](?:\.\d+)?(?:-(?:mini|nano|sol|terra|luna|astra))?|o3|o4-mini)$/;

/** Of a model that nobody knows its provider has to say whether it has the tier. */
export function hasFlex(model: ModelInfo): boolean {
  return !model.known || flexible.test(canonicalModel(model.id));
}

/**
 * Batch and flex are half of everything, cached input included: developers.openai.com/api/docs, guides/flex-processing and the pages of
 * GPT-6.1, November 2026; on Azure learn.microsoft.com, how-to/batch and how-to/flex-processing. For batches of models before GPT-5 no
 * page that we have says what cached input costs; OpenAI promises no cache there. A batch’s answers may say `default`, and are half
 * the price all the same.
 */
export function openAiTerms(model: string): Terms {
  const canonical = canonicalModel(model);
  const priority = priorityFactors.find(([names]) => names.test(canonical))?.[1] ?? usualPriority;
  const served = { default: 1, flex: 0.5, batch: 0.5, priority, fast: priority };
  return {
    sync: { factor: 1, cache: 'stacks', served },
    ...(flexible.test(canonical) ? { flex: { factor: 0.5, cache: 'stacks', served } } : {}),
    batch: { factor: 0.5, cache: 'stacks' },
  };
}
