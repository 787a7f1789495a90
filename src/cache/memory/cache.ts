/** Answers kept in this process: the least lately used goes first when there are too many, or too much of them. */
import type { Clock } from '../../core/clock.ts';
import { type CacheSize, type Kept, mostAnswerBytes, type ResponseCache } from '../contract.ts';

export interface MemoryCacheOptions {
  readonly clock: Clock;
  readonly mostEntries?: number;
  readonly mostBytes?: number;
}

/** Some 6 kB an answer where both are full: long ones for chats, short ones for classifying. */
const usualEntries = 10_000;
const usualBytes = 64 * 1024 * 1024;
/** What an entry takes beside its bytes: its key, its objects, its place in the map. */
const entryBytes = 400;

interface Entry {
  readonly kept: Kept;
  readonly untilMs: number;
  readonly bytes: number;
}

export class MemoryCache implements ResponseCache {
  readonly #clock: Clock;
  readonly #mostEntries: number;
  readonly #mostBytes: number;
  /** In order of use: a map keeps the order of insertion, and what is used is inserted again. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor({ clock, mostEntries = usualEntries, mostBytes = usualBytes }: MemoryCacheOptions) {
    this.#clock = clock;
    this.#mostEntries = mostEntries;
    this.#mostBytes = mostBytes;
  }

  get(key: string): Kept | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.untilMs <= this.#clock.now()) {
      this.#bytes -= entry.bytes;
      return undefined;
    }
    this.#entries.set(key, entry);
    return entry.kept;
  }

  put(key: string, kept: Kept, forMs: number): boolean {
    const bytes = kept.bytes.byteLength + entryBytes;
    this.#drop(key);
    if (kept.bytes.byteLength > mostAnswerBytes || bytes > this.#mostBytes) return false;
    // A view into a larger buffer would keep all of that buffer.
    const own = { ...kept, bytes: new Uint8Array(kept.bytes) };
    this.#entries.set(key, { kept: own, untilMs: this.#clock.now() + forMs, bytes });
    this.#bytes += bytes;
    while (this.#entries.size > this.#mostEntries || this.#bytes > this.#mostBytes) {
      const oldest = this.#entries.keys().next().value;
      if (oldest === undefined) break;
      this.#drop(oldest);
    }
    return true;
  }

  size(): CacheSize {
    return { entries: this.#entries.size, bytes: this.#bytes };
  }

  close(): Promise<void> {
    this.#entries.clear();
    this.#bytes = 0;
    return Promise.resolve();
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
