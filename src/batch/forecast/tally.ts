/**
 * Sums of requests from which their cost by any price follows. Prices have tiers by the size of a request, so sums are kept apart by doublings of
 * its input: within one of them the mean stands for all, and a hundred thousand requests are a handful of numbers.
 */
import { costOf, type Price } from '../../core/price.ts';

export interface Weight {
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
}

export interface TallySums extends Weight {
  readonly items: number;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const nothing: TallySums = {
  items: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
};

export class Tally {
  readonly #bySize = new Map<number, Mutable<TallySums>>();

  add(weight: Weight): void {
    const size = Math.ceil(Math.log2(weight.inputTokens + 1));
    let sums = this.#bySize.get(size);
    if (sums === undefined) {
      sums = { ...nothing };
      this.#bySize.set(size, sums);
    }
    addTo(sums, weight, 1);
  }

  get sums(): TallySums {
    const all = { ...nothing };
    for (const sums of this.#bySize.values()) addTo(all, sums, sums.items);
    return all;
  }

  /** `cached`: with what caches are expected to serve. `mostOutput`: of each answer, where it is no answer to the request itself. */
  costNanoUsd(price: Price | undefined, cached: boolean, mostOutput = Number.POSITIVE_INFINITY): number {
    if (price === undefined) return 0;
    let nanoUsd = 0;
    for (const sums of this.#bySize.values()) {
      const { items } = sums;
      const caches = {
        cacheReadTokens: sums.cacheReadTokens / items,
        cacheWriteTokens: sums.cacheWriteTokens / items,
      };
      nanoUsd +=
        items *
        costOf(price, {
          inputTokens: sums.inputTokens / items,
          outputTokens: Math.min(mostOutput, sums.outputTokens / items),
          ...(cached ? caches : {}),
        });
    }
    return nanoUsd;
  }
}

function addTo(sums: Mutable<TallySums>, weight: Weight, items: number): void {
  sums.items += items;
  sums.inputTokens += weight.inputTokens;
  sums.cacheReadTokens += weight.cacheReadTokens;
  sums.cacheWriteTokens += weight.cacheWriteTokens;
  sums.outputTokens += weight.outputTokens;
}
