/** How often Redis and Postgres were asked, by their own counts. */
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { Scene } from './scene.ts';

export interface RoundTrips {
  readonly redis: number;
  /** Transactions: a statement by itself is one. */
  readonly postgres: number;
}

/** Of Redis commands, those that are no work: probes of clients, and what a script runs inside. */
const idle = new Set(['ping', 'info', 'client', 'hello', 'config']);

export async function roundTrips({ redis, postgres }: Scene): Promise<RoundTrips> {
  return {
    redis: await redisCalls(redis.url),
    postgres: await transactions(postgres.address(postgres.port)),
  };
}

async function redisCalls(url: string): Promise<number> {
  const redis = new Redis(url);
  const stats = await redis.info('commandstats');
  redis.disconnect();
  // What comes over a connection; the commands inside a script are counted by Redis as well.
  const whole = /^cmdstat_(\w+(?:\|\w+)?):calls=(\d+)/gm;
  const scripted = /^cmdstat_(evalsha|eval|fcall)/;
  let calls = 0;
  for (const [text, name = '', count] of stats.matchAll(whole))
    if (scripted.test(text) || !(idle.has(name) || insideScripts.has(name))) calls += Number(count);
  return calls;
}

/** Our scripts and BullMQ's run these; nobody sends them alone often enough to matter. */
const insideScripts = new Set(
  'get set del exists expire pexpire pttl time hget hset hmget hmset hgetall hdel hincrby hexists incr incrby decr zadd zrem zrange zrangebyscore zpopmin zscore zcard lpush rpush rpop lpop llen lrem lrange rpoplpush sadd srem smembers scard xadd xtrim'.split(
    ' ',
  ),
);

async function transactions(url: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  // Counts are told by each connection when it has been idle for a second.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const { rows } = await client.query<{ n: string }>(
    'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()',
  );
  await client.end();
  return Number(rows[0]?.n ?? 0);
}
