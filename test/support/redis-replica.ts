/**
 * A replica that lags behind, and is promoted, played by one server: its data are put back to what they were before, under the id of another
 * history, as `REPLICAOF NO ONE` gives one.
 */
import type { Redis } from 'ioredis';

export type Replica = readonly { readonly key: string; readonly value: Buffer; readonly ttlMs: number }[];

/** All that a replica would have by now. */
export async function replicate(admin: Redis): Promise<Replica> {
  const replica = [];
  for (const key of await admin.keys('*')) {
    const value = await admin.dumpBuffer(key);
    if (value !== null) replica.push({ key, value, ttlMs: Math.max(0, await admin.pttl(key)) });
  }
  return replica;
}

/** In one transaction, as a client sees it. Nothing is at port 1. */
export async function promote(admin: Redis, replica: Replica): Promise<void> {
  const all = admin.multi().flushall();
  for (const { key, value, ttlMs } of replica) all.restore(key, ttlMs, value);
  const results = await all.replicaof('127.0.0.1', 1).replicaof('NO', 'ONE').exec();
  for (const [error] of results ?? []) if (error) throw error;
}
