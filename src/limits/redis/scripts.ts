/**
 * The Lua scripts, and how they are run. Every key has the same hash tag, so that on a cluster they live on one node and a demand
 * can be granted whole: what is limited is a few requests' worth of arithmetic, which one node does tens of thousands of times a second.
 */
import { readFileSync } from 'node:fs';
import { connectTo, onReady, type RedisClient } from '../../wire/redis/connect.ts';
import { failPlainly } from '../../wire/redis/trouble.ts';

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
  /** One field of a hash; null where it is not there. */
  field(key: string, field: string): Promise<string | null>;
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
  const redis = connectTo(url, {
    // A command that waits for a connection would hold a request; without one we decide in process.
    patient: false,
    commandTimeoutMs: timeoutMs,
    scripts: Object.fromEntries(names.map((name) => [scriptCommand(name), { lua: read(name) }])),
  });
  const runner = runnerOf(redis);
  return {
    run: (script, keys, args) => runner.run(script, keys.length, ...keys, ...args).then(asList, failPlainly),
    hash: (key) => redis.hgetall(key).catch(failPlainly),
    field: (key, field) => redis.hget(key, field).catch(failPlainly),
    forget: (key, fields) => redis.hdel(key, ...fields).catch(failPlainly),
    members: (key) => redis.smembers(key).catch(failPlainly),
    get connected() {
      return redis.status === 'ready';
    },
    onReady: (callback) => onReady(redis, callback),
    // A cluster loses its last node only with all others; that one is away is told by the first command to it.
    onLost: (callback) => void redis.on('close', callback),
    close: () => redis.disconnect(),
  };
}

function runnerOf(redis: RedisClient): Runner {
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

/** Those that do nothing in an epoch that is over. */
const inEpoch: readonly ScriptName[] = ['reserve', 'settle', 'beat', 'restore'];

function read(name: ScriptName): string {
  const text = (file: string): string => readFileSync(new URL(`./${file}.lua`, import.meta.url), 'utf8');
  return inEpoch.includes(name) ? text('epoch') + text(name) : text(name);
}

function asList(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [reply];
}
