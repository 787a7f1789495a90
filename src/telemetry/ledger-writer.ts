/**
 * Writes the ledger behind the hot path: entries are collected for a moment and appended together. An entry is durable within a
 * second of its attempt’s end while the store answers. While it does not, entries are kept and tried again; when too many are
 * kept, `full` says so, and no more money is spent than can be written down.
 */
import type { Clock } from '../core/clock.ts';
import type { Ledger, LedgerEntry } from '../stores/contract.ts';

/** Short enough to be durable within a second, long enough that a busy gateway writes hundreds of rows at once. */
const delayMs = 200;
const mostAtOnce = 5_000;
/** Some 100 MB. At a thousand attempts a second, three minutes without a store. */
const mostKept = 200_000;
const longestRetryMs = 5_000;

export interface LedgerWriterEvents {
  /** `kept`: how many entries wait. */
  onTrouble(error: unknown, kept: number): void;
  /** These are durable now. */
  onWritten?(entries: readonly LedgerEntry[]): void;
}

export class LedgerWriter {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #events: LedgerWriterEvents;
  #kept: LedgerEntry[] = [];
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;

  constructor(ledger: Ledger, clock: Clock, events: LedgerWriterEvents) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#events = events;
  }

  add(entry: LedgerEntry): void {
    this.#kept.push(entry);
    if (this.#cancel === undefined && this.#writing === undefined) this.#schedule(delayMs);
  }

  /** For what must be durable before the next step is taken. Throws what the store throws, and then keeps nothing. */
  async append(entries: readonly LedgerEntry[]): Promise<void> {
    await this.#ledger.append(entries);
    this.#events.onWritten?.(entries);
  }

  /** Entries that are not durable yet. */
  get pending(): number {
    return this.#kept.length;
  }

  /** How long the oldest of them has waited; 0 where none does. */
  get oldestMs(): number {
    const [oldest] = this.#kept;
    return oldest === undefined ? 0 : Math.max(0, this.#clock.now() - oldest.atMs);
  }

  get full(): boolean {
    return this.#kept.length >= mostKept;
  }

  #schedule(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined;
      void this.#write();
    });
  }

  #write(): Promise<void> {
    this.#writing ??= this.#appendKept().finally(() => {
      this.#writing = undefined;
      if (this.#kept.length > 0 && this.#cancel === undefined) this.#schedule(this.#nextDelayMs());
    });
    return this.#writing;
  }

  #nextDelayMs(): number {
    return this.#failures === 0 ? delayMs : Math.min(longestRetryMs, delayMs * 2 ** this.#failures);
  }

  async #appendKept(): Promise<void> {
    while (this.#kept.length > 0) {
      const batch = this.#kept.slice(0, mostAtOnce);
      try {
        await this.#ledger.append(batch);
      } catch (thrown) {
        this.#failures += 1;
        this.#events.onTrouble(thrown, this.#kept.length);
        return;
      }
      this.#failures = 0;
      this.#events.onWritten?.(batch);
      this.#kept = this.#kept.length === batch.length ? [] : this.#kept.slice(batch.length);
    }
  }

  /** Writes all that is kept; false where the store did not take it. */
  async flush(): Promise<boolean> {
    // One that is under way may have begun before the last entries came. A third time would be for a store that refuses.
    for (let time = 0; time < 2; time++) {
      if (this.#kept.length > 0 || this.#writing !== undefined) await this.#write();
      // A failure has set the next try; this one was it.
      this.#cancel?.();
      this.#cancel = undefined;
    }
    return this.#kept.length === 0;
  }
}
