/** What fits into one submission to a provider’s batch API. Whoever fills one, and whoever only forecasts it, counts by the same rule. */

export interface MostLoad {
  readonly items: number;
  readonly bytes: number;
  readonly inputTokens: number;
  /** What each item takes beyond its own bytes. */
  readonly envelopeBytes: number;
}

/**
 * What fits, in order, and nothing after the first that does not. The first item is always taken: one that is too large by itself
 * would otherwise wait for ever, and the provider's refusal settles it.
 */
export class Load {
  readonly #most: MostLoad;
  #items = 0;
  #bytes = 0;
  #inputTokens = 0;
  #full = false;

  constructor(most: MostLoad) {
    this.#most = most;
    this.#full = most.items < 1;
  }

  take(bytes: number, inputTokens: number): boolean {
    const { items, bytes: mostBytes, inputTokens: mostTokens, envelopeBytes } = this.#most;
    const sent = this.#bytes + bytes + (this.#items + 1) * envelopeBytes;
    const fits = this.#items < items && sent <= mostBytes && this.#inputTokens + inputTokens <= mostTokens;
    if (this.#full || (!fits && this.#items > 0)) {
      this.#full = true;
      return false;
    }
    this.#items++;
    this.#bytes += bytes;
    this.#inputTokens += inputTokens;
    return true;
  }

  get full(): boolean {
    return this.#full;
  }

  get items(): number {
    return this.#items;
  }

  get sums(): { items: number; bytes: number; inputTokens: number } {
    return { items: this.#items, bytes: this.#bytes, inputTokens: this.#inputTokens };
  }
}
