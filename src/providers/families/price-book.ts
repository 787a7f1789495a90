/** Remembers what a provider asks, since a price is looked up on every request and found by trying hundreds of patterns. */
import type { Price } from '../../core/price.ts';
import type { Mode } from '../../core/target.ts';
import type { Provider } from '../contract.ts';

/** Prices change at midnight UTC, never within a day. */
const dayMs = 86_400_000;
/** Callers choose the names where routes have wildcards, so they must not fill the memory; a real set of models is far smaller. */
const mostEntries = 1000;

export type FindPrice = (model: string, mode: Mode, now: number) => Price | undefined;

export function createPriceBook(now: () => number, find: FindPrice): NonNullable<Provider['price']> {
  const known = new Map<string, Price | undefined>();
  let day = Number.NaN;
  return (model, mode) => {
    const time = now();
    const today = Math.floor(time / dayMs);
    if (today !== day || known.size >= mostEntries) known.clear();
    day = today;
    const key = `${mode} ${model}`;
    const remembered = known.get(key);
    if (remembered !== undefined || known.has(key)) return remembered;
    const price = find(model, mode, time);
    known.set(key, price);
    return price;
  };
}
