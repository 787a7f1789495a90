/** What every implementation of the response cache does. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFakeClock, type FakeClock } from '../../test/support/clock.ts';
import { redisMissing, startRedis, type TestRedis } from '../../test/support/redis.ts';
import { type RedisKind, redisKinds } from '../../test/support/redis-kinds.ts';
import { makeId } from '../core/ids.ts';
import { type Kept, mostAnswerBytes, type ResponseCache } from './contract.ts';
import { MemoryCache } from './memory/cache.ts';
import { RedisCache } from './redis/cache.ts';
import { type CacheLink, connectCache } from './redis/link.ts';

const kept = (text: string, overrides: Partial<Kept> = {}): Kept => ({
  form: 'whole',
  bytes: Buffer.from(text),
  atMs: 1_000_000,
  model: 'gpt-x-2026-01-01',
  ...overrides,
});
const plain = (found: Kept | undefined) =>
  found && { ...found, bytes: Buffer.from(found.bytes).toString('latin1') };

/** Every node of a cluster, too: some keys lie on each. */
async function answering(link: CacheLink): Promise<CacheLink> {
  await connected(link);
  const keys = Array.from({ length: 30 }, (_, at) => `ask ${at}`);
  for (let times = 0; times < 100; times++) {
    const asked = await Promise.allSettled(keys.map((key) => link.get(key)));
    if (asked.every(({ status }) => status === 'fulfilled')) return link;
    await sleep(10);
  }
  assert.fail('a node did not answer');
}

interface Kind {
  readonly name: string;
  readonly skip: string | false;
  setUp(): Promise<void>;
  tearDown(): Promise<void>;
  make(clock: FakeClock): Promise<ResponseCache>;
  /** Time of whoever counts it. */
  pass(clock: FakeClock, ms: number): Promise<void>;
}

async function connected(link: CacheLink): Promise<CacheLink> {
  for (let times = 0; times < 500 && !link.connected; times++) await sleep(10);
  assert.ok(link.connected, 'Redis did not answer');
  return link;
}

const kinds: readonly Kind[] = [
  {
    name: 'in process',
    skip: false,
    setUp: async () => {},
    tearDown: async () => {},
    make: async (clock) => new MemoryCache({ clock }),
    pass: (clock, ms) => clock.advance(ms),
  },
  ...redisKinds.map(onRedis),
];

function onRedis({ name, skip, start }: RedisKind): Kind {
  let redis: Awaited<ReturnType<typeof start>> | undefined;
  return {
    name,
    skip,
    setUp: async () => {
      redis = await start();
    },
    tearDown: async () => redis?.close(),
    make: async (clock) =>
      new RedisCache({
        link: await answering(connectCache(redis?.url ?? '', 30_000)),
        clock,
        namespace: makeId('t'),
      }),
    // Redis counts by its own clock.
    pass: async (_clock, ms) => void (await sleep(ms + 50)),
  };
}

for (const kind of kinds)
  describe(`the response cache ${kind.name}`, { skip: kind.skip }, () => {
    before(() => kind.setUp());
    after(() => kind.tearDown());
    let caches: ResponseCache[] = [];
    afterEach(async () => {
      for (const cache of caches) await cache.close();
      caches = [];
    });
    const clock = createFakeClock();
    async function make(): Promise<ResponseCache> {
      const cache = await kind.make(clock);
      caches.push(cache);
      return cache;
    }

    test('gives back what was kept, byte for byte, and nothing else', async () => {
      const cache = await make();
      const bytes = Buffer.from(Array.from({ length: 512 }, (_, at) => at % 256));
      const one = kept('', { form: 'stream', bytes, model: 'ünïcode' });
      assert.equal(cache.put('a', one, 60_000), true);
      assert.deepEqual(plain(await cache.get('a')), plain(one));
      assert.equal(await cache.get('b'), undefined);
      assert.deepEqual(plain(await cache.get('a')), plain(one), 'and again');
    });

    test('the later one takes the place of the earlier', async () => {
      const cache = await make();
      cache.put('a', kept('first'), 60_000);
      cache.put('a', kept('second'), 60_000);
      assert.equal(plain(await cache.get('a'))?.bytes, 'second');
    });

    test('what is too old is gone', async () => {
      const cache = await make();
      cache.put('short', kept('x'), 150);
      cache.put('long', kept('y'), 60_000);
      assert.notEqual(await cache.get('short'), undefined);
      await kind.pass(clock, 150);
      assert.equal(await cache.get('short'), undefined);
      assert.notEqual(await cache.get('long'), undefined);
    });

    test('what is too large is not kept', async () => {
      const cache = await make();
      assert.equal(cache.put('a', kept('', { bytes: Buffer.alloc(mostAnswerBytes) }), 60_000), true);
      assert.equal(cache.put('b', kept('', { bytes: Buffer.alloc(mostAnswerBytes + 1) }), 60_000), false);
      assert.notEqual(await cache.get('a'), undefined);
      assert.equal(await cache.get('b'), undefined);
    });

    test('changing what was given in, or out, changes nothing that is kept', async () => {
      const cache = await make();
      const bytes = Buffer.from('steady');
      cache.put('a', kept('', { bytes }), 60_000);
      bytes.fill(0);
      assert.equal(plain(await cache.get('a'))?.bytes, 'steady');
    });
  });

describe('the response cache in process, which is bounded', () => {
  const size = (cache: MemoryCache): number => cache.size().entries;

  test('by entries: the least lately used goes', () => {
    const cache = new MemoryCache({ clock: createFakeClock(), mostEntries: 3 });
    for (const key of ['a', 'b', 'c']) cache.put(key, kept(key), 60_000);
    cache.get('a');
    cache.put('d', kept('d'), 60_000);
    assert.equal(cache.get('b'), undefined);
    for (const key of ['a', 'c', 'd']) assert.notEqual(cache.get(key), undefined, key);
  });

  test('by bytes, and counts them right whatever happens', async () => {
    const clock = createFakeClock();
    const cache = new MemoryCache({ clock, mostBytes: 10_000 });
    for (let at = 0; at < 100; at++) {
      cache.put(`k${at % 13}`, kept('x'.repeat(500 + at * 7)), 60_000);
      assert.ok(cache.size().bytes <= 10_000);
    }
    const left = cache.size();
    assert.ok(left.entries > 3);
    // Emptied by time, one look each.
    await clock.advance(60_000);
    for (let at = 0; at < 13; at++) cache.get(`k${at}`);
    assert.deepEqual(cache.size(), { entries: 0, bytes: 0 });
  });

  test('what would not fit at all pushes nobody out', () => {
    const cache = new MemoryCache({ clock: createFakeClock(), mostBytes: 5_000 });
    cache.put('a', kept('a'), 60_000);
    assert.equal(cache.put('b', kept('x'.repeat(5_000)), 60_000), false);
    assert.equal(size(cache), 1);
  });

  test('keeps no more than the answer of a larger buffer', () => {
    const cache = new MemoryCache({ clock: createFakeClock() });
    const large = Buffer.alloc(100_000);
    cache.put('a', kept('', { bytes: large.subarray(10, 20) }), 60_000);
    assert.equal(cache.get('a')?.bytes.buffer.byteLength, 10);
  });
});

describe('the response cache on Redis, when Redis is lost', { skip: redisMissing }, () => {
  let server: TestRedis;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.close());

  test('finds nothing, fails nobody, and works again when it is back', async () => {
    const clock = createFakeClock();
    const troubles: unknown[] = [];
    const link = await connected(connectCache(server.url, 1_000));
    const cache = new RedisCache({ link, clock, onTrouble: (error) => troubles.push(error) });
    cache.put('a', kept('before'), 60_000);
    assert.notEqual(await cache.get('a'), undefined);
    await server.kill();
    for (let times = 0; times < 20; times++) assert.equal(await cache.get('a'), undefined);
    cache.put('b', kept('lost'), 60_000);
    await server.restart();
    await connected(link);
    await clock.advance(1_000);
    assert.equal(await cache.get('a'), undefined, 'it came back empty');
    cache.put('c', kept('after'), 60_000);
    assert.equal(plain(await cache.get('c'))?.bytes, 'after');
    await cache.close();
  });

  test('waits a few milliseconds for one that does not answer, then leaves it alone', async () => {
    const clock = createFakeClock();
    let asked = 0;
    const troubles: unknown[] = [];
    const silent: CacheLink = {
      connected: true,
      get: () => {
        asked += 1;
        return Promise.reject(new Error('Command timed out'));
      },
      set: () => Promise.reject(new Error('Command timed out')),
      close() {},
    };
    const cache = new RedisCache({ link: silent, clock, onTrouble: (error) => troubles.push(error) });
    for (let times = 0; times < 10; times++) assert.equal(await cache.get('a'), undefined);
    assert.equal(asked, 3);
    assert.equal(troubles.length, 1);
    assert.equal(cache.put('a', kept('x'), 1_000), false);
    await clock.advance(1_000);
    await cache.get('a');
    assert.equal(asked, 4);
  });

  test('a paused Redis costs a request no more than the time-out', async () => {
    const link = await connected(connectCache(server.url));
    const cache = new RedisCache({ link, clock: createFakeClock() });
    server.pause();
    const startedMs = performance.now();
    assert.equal(await cache.get('a'), undefined);
    const tookMs = performance.now() - startedMs;
    server.resume();
    // 8 ms by its timer; the rest is a machine that others use.
    assert.ok(tookMs < 500, `${tookMs} ms`);
    await cache.close();
  });

  test('a value that nobody here has written is not there', async () => {
    const link = await connected(connectCache(server.url, 1_000));
    const cache = new RedisCache({ link, clock: createFakeClock(), namespace: 'odd' });
    for (const [name, value] of [
      ['empty', ''],
      ['no line', '{"v":1}'],
      ['no JSON', 'answer\nbody'],
      ['another version', '{"v":2,"form":"whole","atMs":1,"model":"","length":1}\nx'],
      ['cut short', '{"v":1,"form":"whole","atMs":1,"model":"","length":5}\nx'],
    ] as const) {
      await link.set(`odd:answer:${name}`, Buffer.from(value), 60_000);
      assert.equal(await cache.get(name), undefined, name);
    }
    await cache.close();
  });
});
