/** The connection to the Redis that answers are kept on. One of its own: a large answer must not stand in the way of a limit. */
import { type Clock, systemClock } from '../../core/clock.ts';
import { connectTo } from '../../wire/redis/connect.ts';
import { failPlainly } from '../../wire/redis/trouble.ts';

/** What we use of a Redis client. */
export interface CacheLink {
  /** Rejects when there is no answer in time. */
  get(key: string): Promise<Buffer | null>;
  set(key: string, value: Buffer, forMs: number): Promise<unknown>;
  readonly connected: boolean;
  close(): void;
}

/** In one data centre an answer takes under a millisecond. Whoever waits longer for a cache than for this had better ask the model. */
const answerMs = 8;
/** For what no request waits for: a connection takes some round trips, and more time with TLS. */
const commandTimeoutMs = 1_000;

export function connectCache(url: string, timeoutMs = answerMs, clock: Clock = systemClock): CacheLink {
  const redis = connectTo(url, { patient: false, commandTimeoutMs: Math.max(timeoutMs, commandTimeoutMs) });
  return {
    get: (key) => within(timeoutMs, clock, redis.getBuffer(key)),
    set: (key, value, forMs) =>
      within(timeoutMs, clock, redis.set(key, value, 'PX', Math.max(1, Math.ceil(forMs)))),
    get connected() {
      return redis.status === 'ready';
    },
    close: () => redis.disconnect(),
  };
}

function within<T>(ms: number, clock: Clock, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new Error('Command timed out')));
    answer.finally(cancel).catch(failPlainly).then(resolve, reject);
  });
}
