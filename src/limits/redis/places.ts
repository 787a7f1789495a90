/** Places that this process holds of slots: what it can say of them without asking Redis. */
import type { SlotTake } from '../contract.ts';

export class Places {
  /** Bounded by what is under way: a slot of which nothing is held has no entry. */
  readonly #held = new Map<string, number>();

  add(slots: readonly SlotTake[], sign: 1 | -1): void {
    for (const { key, amount } of slots) {
      const held = (this.#held.get(key) ?? 0) + sign * amount;
      if (held > 0) this.#held.set(key, held);
      else this.#held.delete(key);
    }
  }

  held(key: string): number {
    return this.#held.get(key) ?? 0;
  }
}
