/** What `redis:` of a config may name, each real: for the suites that must hold on all of them. */
import { redisMissing, startRedis } from './redis.ts';
import { startCluster } from './redis-cluster.ts';
import { startSentinels } from './redis-sentinel.ts';

export interface RedisKind {
  readonly name: string;
  readonly skip: string | false;
  start(): Promise<{ readonly url: string; close(): Promise<void> }>;
}

export const redisKinds: readonly RedisKind[] = [
  { name: 'on Redis', skip: redisMissing, start: startRedis },
  { name: 'on a Redis behind sentinels', skip: redisMissing, start: startSentinels },
  { name: 'on a cluster', skip: redisMissing, start: startCluster },
];
