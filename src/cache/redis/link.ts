/** The connection to the Redis that answers are kept on. One of its own: a large answer must not stand in the way of a limit. */
import { Redis } from 'ioredis';

/** What we use of a Redis client. */
export interface CacheLink {
  /** Rejects when there is no answer in time. */
  get(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, forMs: number): Promise<unknown>;
  readonly connected: boolean;
  close(): void;
}

/** In one data centre an answer takes under a millisecond. Whoever waits longer for a cache than for this had better ask the model. */
const commandTimeoutMs = 8;

export function connectCache(url: string, timeoutMs = commandTimeoutMs): CacheLink {
  const redis = new Redis(url, {
    // Without a connection there is nothing to be found; nobody waits for one.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    commandTimeout: timeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(1_000, 50 * 2 ** Math.min(times, 5)),
  });
  // Told by `connected`; without a listener ioredis writes to the console.
  redis.on('error', () => undefined);
  return {
    get: (key) => redis.getBuffer(key),
    set: (key, value, forMs) => redis.set(key, value, 'PX', Math.max(1, Math.ceil(forMs))),
    get connected() {
      return redis.status === 'ready';
    },
    close: () => redis.disconnect(),
  };
}
