/**
 * One entry of genai-prices as our `Price`. Its semantics are ours: a tier holds for the whole request once all input,
 * cached or not, is over `start`; a rate that is absent is its parent's. Its unit is dollars per million tokens.
 */
import type { ConditionalPrice, ModelPrice } from '@pydantic/genai-prices';
import type { Price, PriceTier, Rates } from '../core/price.ts';
import { nanoDollars, optionalRates } from './dollars.ts';

/** Fields of `Rates` by their names in the list. */
const rateKeys = {
  input: 'input_mtok',
  cacheRead: 'cache_read_mtok',
  cacheWrite5m: 'cache_write_mtok',
  cacheWrite1h: 'cache_write_1h_mtok',
  output: 'output_mtok',
  audioInput: 'input_audio_mtok',
  audioOutput: 'output_audio_mtok',
} as const satisfies Record<keyof Rates, string>;

/** Billed for what no count of tokens tells (searches), or for what we do not send (media to embed): no part of a rate. */
const besides = new Set<string>([
  'web_searches_kcount',
  'storage_searches_kcount',
  'cache_audio_read_mtok',
  'input_image_mtok',
  'input_video_mtok',
]);
const understood = new Set<string>([...Object.values(rateKeys), ...besides]);

/** `undefined` where the list has no rate for input, or bills by what our usage does not count (images made, requests, hours). */
export function readListedPrice(
  listed: readonly ConditionalPrice[] | ModelPrice,
  now: number,
): Price | undefined {
  const entry = isConditional(listed) ? inForce(listed, now) : listed;
  if (entry === undefined || entry[rateKeys.input] === undefined) return undefined;
  if (Object.keys(entry).some((key) => !understood.has(key))) return undefined;
  const higher = thresholds(entry).map((start) => tierAbove(entry, start));
  return { tiers: [tierAbove(entry, 0), ...higher] };
}

/**
 * The latest price that has begun. Of those that hold for some hours of a day the dearest is taken for all of it: a budget
 * that is a little too careful off peak is better than one that is overrun at the peak.
 */
function inForce(listed: readonly ConditionalPrice[], now: number): ModelPrice | undefined {
  let current: ModelPrice | undefined;
  for (const { constraint, prices } of listed) {
    if (constraint?.type === 'start_date' && Date.parse(constraint.start_date) > now) continue;
    const hourly = constraint?.type === 'time_of_date';
    if (!hourly || rateAt(prices, rateKeys.input, 0) > rateAt(current ?? {}, rateKeys.input, 0))
      current = prices;
  }
  return current;
}

function isConditional(
  listed: readonly ConditionalPrice[] | ModelPrice,
): listed is readonly ConditionalPrice[] {
  return Array.isArray(listed);
}

function thresholds(entry: ModelPrice): readonly number[] {
  const starts = Object.values(entry).flatMap((rate) =>
    typeof rate === 'object' ? rate.tiers.map((tier) => tier.start) : [],
  );
  return [...new Set(starts)].filter((start) => start > 0).sort((one, other) => one - other);
}

function tierAbove(entry: ModelPrice, start: number): PriceTier {
  const rates: { -readonly [Field in keyof Rates]: Rates[Field] } = {
    input: rateAt(entry, rateKeys.input, start),
    output: rateAt(entry, rateKeys.output, start),
  };
  for (const field of optionalRates)
    if (entry[rateKeys[field]] !== undefined) rates[field] = rateAt(entry, rateKeys[field], start);
  return { aboveInputTokens: start, rates };
}

/** What holds just above so many input tokens. Embeddings have no output, so none is priced 0. */
function rateAt(entry: ModelPrice, key: string, start: number): number {
  const listed = entry[key] ?? 0;
  if (typeof listed === 'number') return nanoDollars(listed);
  let dollars = listed.base;
  for (const tier of [...listed.tiers].sort((one, other) => one.start - other.start))
    if (tier.start <= start && tier.start + start > 0) dollars = tier.price;
  return nanoDollars(dollars);
}
