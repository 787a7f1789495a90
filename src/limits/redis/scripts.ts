/**
 * The Lua scripts, and how they are run. Every key has the same hash tag, so that on a cluster they live on one node and a demand
 * can be granted whole: what is limited is a few requests' worth of arithmetic, which one node does tens of thousands of times a second.
 */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

const names = ['reserve', 'settle', 'correct', 'beat', 'reclaim', 'restore', 'seed'] as const;
export type ScriptName = (typeof names)[number];

/** What we use of a Redis client. */
export interface RedisLink {
  /** Rejects when there is no answer in time; nobody then knows whether it ran. */
  run(
    script: ScriptName,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<readonly unknown[]>;
  hash(key: string): Promise<Readonly<Record<string, string>>>;
  /** Removes fields of a hash. */
  forget(key: string, fields: readonly string[]): Promise<unknown>;
  members(key: string): Promise<readonly string[]>;
  readonly connected: boolean;
  /** Called at each connection. */
  onReady(callback: () => void): void;
  onLost(callback: () => void): void;
  close(): void;
}

/** In one data centre an answer takes under a millisecond; one that takes this long is not coming. */
const commandTimeoutMs = 1_000;

interface Runner {
  run(name: ScriptName, keyCount: number, ...rest: readonly (string | number)[]): Promise<unknown>;
}

export function connectRedis(url: string, timeoutMs = commandTimeoutMs): RedisLink {
  const redis = new Redis(url, {
    // A command that waits for a connection would hold a request; without one we decide in process.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // What got no answer is settled by us: sent again, it might be done twice.
    autoResendUnfulfilledCommands: false,
    commandTimeout: timeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(1_000, 50 * 2 ** Math.min(times, 5)),
    scripts: Object.fromEntries(names.map((name) => [scriptCommand(name), { lua: read(name) }])),
  });
  // Told through `onLost`; without a listener ioredis writes to the console.
  redis.on('error', () => undefined);
  const runner = runnerOf(redis);
  return {
    run: (script, keys, args) => runner.run(script, keys.length, ...keys, ...args).then(asList),
    hash: (key) => redis.hgetall(key),
    forget: (key, fields) => redis.hdel(key, ...fields),
    members: (key) => redis.smembers(key),
    get connected() {
      return redis.status === 'ready';
    },
    onReady: (callback) => void redis.on('ready', callback),
    onLost: (callback) => void redis.on('close', callback),
    close: () => redis.disconnect(),
  };
}

function runnerOf(redis: Redis): Runner {
  const commands = new Map<string, (...args: readonly (string | number)[]) => Promise<unknown>>();
  for (const name of names) {
    const command: unknown = Reflect.get(redis, scriptCommand(name));
    if (typeof command !== 'function') throw new TypeError(`The Redis client did not define ${name}.`);
    commands.set(name, (...args) => command.apply(redis, args));
  }
  return {
    run: (name, keyCount, ...rest) =>
      commands.get(name)?.(keyCount, ...rest) ?? Promise.reject(new Error(name)),
  };
}

const scriptCommand = (name: ScriptName): string => `intermodal_${name}`;

function read(name: ScriptName): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}

function asList(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [reply];
}
