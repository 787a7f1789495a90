/** Writes labels behind the road: collected for a moment, written together. What a store does not take is tried again; beyond a bound, new ones are lost. */
import type { Clock } from '../core/clock.ts';
import type { Label, LabelStore } from '../stores/routing/contract.ts';

const delayMs = 500;
/** A lost label costs a little knowledge, never an answer. */
const mostKept = 5_000;
const longestRetryMs = 30_000;

export interface LabelWriterEvents {
  onTrouble(error: unknown, kept: number): void;
}

export class LabelWriter {
  readonly #store: LabelStore;
  readonly #clock: Clock;
  readonly #events: LabelWriterEvents;
  #kept: Label[] = [];
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  lost = 0;

  constructor(store: LabelStore, clock: Clock, events: LabelWriterEvents) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
  }

  add(label: Label): void {
    if (this.#kept.length >= mostKept) {
      this.lost += 1;
      return;
    }
    this.#kept.push(label);
    if (this.#cancel === undefined && this.#writing === undefined) this.#schedule(delayMs);
  }

  /** Writes what is kept, once. */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#kept.length > 0) await this.#write();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      void this.#write();
    });
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeKept().finally(() => {
      this.#writing = undefined;
      if (this.#kept.length > 0 && this.#cancel === undefined)
        this.#schedule(Math.min(longestRetryMs, delayMs * 2 ** this.#failures));
    });
    return this.#writing;
  }

  async #writeKept(): Promise<void> {
    const batch = this.#kept;
    try {
      await this.#store.add(batch);
      this.#failures = 0;
      this.#kept = this.#kept.slice(batch.length);
    } catch (thrown) {
      this.#failures = Math.min(10, this.#failures + 1);
      this.#events.onTrouble(thrown, this.#kept.length);
    }
  }
}
