/**
 * List prices from the data of genai-prices, as our `Price`. Its matching is wider than billing allows (`claude-sonnet-5` also
 * takes in `claude-sonnet-5-5`), so what follows a matched name must be a date or a version; else the price is unknown.
 * A wrong price is worse than none: none is seen and set in YAML, a wrong one is believed.
 */
import { findProvider, type MatchLogic, type ModelInfo as PricedModel } from '@pydantic/genai-prices';
import type { Price } from '../core/price.ts';
import { canonicalModel, modelInfo } from './catalog.ts';
import { readListedPrice } from './listed-price.ts';

/** The price that a vendor lists for exactly this id. `vendor` is an id of genai-prices; `now` is in milliseconds. */
export function exactListPrice(vendor: string, model: string, now: number): Price | undefined {
  const listed = findProvider({ providerId: vendor })?.models;
  const found = listed?.find((one) => isTrusted(vendor, one) && matches(one.match, model.toLowerCase()));
  return found === undefined ? undefined : readListedPrice(found.prices, now);
}

/** The same for any spelling of a model that the catalog knows. Not for resellers, whose suffixes change the price (`:nitro`, `-turbo`). */
export function listPrice(vendor: string, model: string, now: number): Price | undefined {
  const exact = exactListPrice(vendor, model, now);
  if (exact !== undefined) return exact;
  const name = plainName(model);
  return name === undefined ? undefined : exactListPrice(vendor, name, now);
}

/** A price among some that are written by hand, by the catalog’s names. */
export function handPrice(prices: Readonly<Record<string, Price>>, model: string): Price | undefined {
  const name = plainName(model);
  return name !== undefined && Object.hasOwn(prices, name) ? prices[name] : undefined;
}

/** The catalog also takes off what changes a price: previews have had their own, and a turbo is another model to a bill. */
const channel = /-(?:preview|exp|experimental|turbo|fp8)\b/;

/** The catalog’s name of a model that it knows, if its id says no more than that, a date and a version. */
function plainName(model: string): string | undefined {
  const name = canonicalModel(model);
  const changed = channel.test(model.toLowerCase()) && !channel.test(name);
  return changed || !modelInfo(name).known ? undefined : name;
}

/** Where its authors found no page of the vendor itself they took a reseller's price, and say so. */
function isTrusted(vendor: string, { price_comments: comments = '' }: PricedModel): boolean {
  return vendor === 'openrouter' || !/(?:from|on|trusting) open ?router/i.test(comments);
}

/** As genai-prices matches, but for whole names alone. `id` is lower case. */
function matches(logic: MatchLogic, id: string): boolean {
  if ('or' in logic) return logic.or.some((part) => matches(part, id));
  if ('and' in logic) return logic.and.every((part) => matches(part, id));
  if ('regex' in logic) return new RegExp(logic.regex).test(id);
  if ('equals' in logic) return id === logic.equals.toLowerCase();
  if ('ends_with' in logic)
    return isNamedAt(id, logic.ends_with.toLowerCase(), id.length - logic.ends_with.length);
  if ('starts_with' in logic) return isNamedAt(id, logic.starts_with.toLowerCase(), 0);
  return isNamedAt(id, logic.contains.toLowerCase(), id.indexOf(logic.contains.toLowerCase()));
}

/** Dates, versions and channels: what may follow a name without making it another model's. */
const version =
  /^(?:-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{2}|\d{2}-\d{4}|\d{3,4}|latest|preview|customtools|v\d+)(?![\w.])|@\w+|:\d+k?)*$/;

function isNamedAt(id: string, name: string, at: number): boolean {
  if (at < 0 || !id.startsWith(name, at)) return false;
  if (at > 0 && !'./'.includes(id.charAt(at - 1))) return false;
  // Some patterns end in the dash or the @ before a version.
  return version.test(id.slice(at + name.replace(/[-@]$/, '').length));
}

/** The vendor whose API is at this address, as an id of genai-prices. */
export function vendorAt(baseUrl: string): string | undefined {
  return findProvider({ providerApiUrl: baseUrl })?.id;
}
