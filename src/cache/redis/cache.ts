/**
 * Answers kept on Redis, for all gateways on it. They leave by their time alone: how many there are, and what goes when there are too many,
 * is Redis’s own business. While it does not answer nothing is found and nothing is kept, and after some silence it is left alone for a while,
 * so that a slow one costs a few requests a few milliseconds and not all of them.
 */
import type { Clock } from '../../core/clock.ts';
import { type CacheSize, type Kept, mostAnswerBytes, type ResponseCache } from '../contract.ts';
import type { CacheLink } from './link.ts';
import { readKept, spell } from './spelling.ts';

export interface RedisCacheOptions {
  readonly link: CacheLink;
  readonly clock: Clock;
  /** Gateways that share answers have the same one. */
  readonly namespace?: string;
  /** Heard once each time that Redis begins not to answer. */
  readonly onTrouble?: (error: unknown) => void;
}

/** So many failures in a row, and it is not asked for so long. */
const mostFailures = 3;
const restMs = 1_000;
/** Values on their way to Redis, in bytes: while it takes none, what comes on top is not kept. */
const mostUnsent = 16 * 1024 * 1024;

const elsewhere: CacheSize = { entries: 0, bytes: 0 };

export class RedisCache implements ResponseCache {
  readonly #options: RedisCacheOptions;
  readonly #prefix: string;
  #failures = 0;
  #restUntilMs = 0;
  #unsent = 0;

  constructor(options: RedisCacheOptions) {
    this.#options = options;
    this.#prefix = `${options.namespace ?? 'intermodal'}:answer:`;
  }

  get(key: string): undefined | Promise<Kept | undefined> {
    if (!this.#reachable()) return undefined;
    return this.#options.link.get(this.#prefix + key).then(
      (value) => {
        this.#failures = 0;
        return value === null ? undefined : readKept(value);
      },
      (error: unknown) => {
        this.#failed(error);
        return undefined;
      },
    );
  }

  put(key: string, kept: Kept, forMs: number): boolean {
    const { byteLength } = kept.bytes;
    if (byteLength > mostAnswerBytes) return false;
    if (!this.#reachable() || this.#unsent + byteLength > mostUnsent) return false;
    this.#unsent += byteLength;
    const sent = (): void => {
      this.#unsent -= byteLength;
    };
    this.#options.link.set(this.#prefix + key, spell(kept), forMs).then(sent, (error: unknown) => {
      sent();
      this.#failed(error);
    });
    return true;
  }

  size(): CacheSize {
    return elsewhere;
  }

  close(): Promise<void> {
    this.#options.link.close();
    return Promise.resolve();
  }

  #reachable(): boolean {
    return this.#options.link.connected && this.#options.clock.now() >= this.#restUntilMs;
  }

  #failed(error: unknown): void {
    this.#failures += 1;
    if (this.#failures < mostFailures) return;
    this.#failures = 0;
    this.#restUntilMs = this.#options.clock.now() + restMs;
    this.#options.onTrouble?.(error);
  }
}
