/** What a client is told of an address and of its manners, and what a real Redis says to it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis } from 'ioredis';
import { redisMissing, startRedis, type TestRedis } from '../../../test/support/redis.ts';
import { askForLife, connectTo, type RedisClient, type RedisManners } from './connect.ts';
import { failPlainly } from './trouble.ts';

/** Nothing is at port 1. */
function optionsOf(url: string, manners: RedisManners): Readonly<Record<string, unknown>> {
  const client = connectTo(url, manners);
  client.disconnect();
  return { ...client.options };
}

function pick(options: unknown, ...names: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(options ?? {}).filter(([name, value]) => names.includes(name) && value !== null),
  );
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (holds()) return;
    await sleep(10);
  }
  assert.fail('it did not come');
}

const hasty: RedisManners = { patient: false, commandTimeoutMs: 1_000 };

describe('a client of Redis', () => {
  test('knows where to go, and as whom', () => {
    assert.deepEqual(
      pick(
        optionsOf('rediss://app:pw@127.0.0.1:1/3', hasty),
        'host',
        'port',
        'db',
        'username',
        'password',
        'tls',
      ),
      { host: '127.0.0.1', port: 1, db: 3, username: 'app', password: 'pw', tls: {} },
    );
  });

  test('knows its sentinels, and how to speak to them', () => {
    const url = 'rediss+sentinel://app:pw@127.0.0.1:1,[::1]:1/main/3?sentinel_user=s&sentinel_password=sp';
    const names = ['sentinels', 'name', 'db', 'username', 'password', 'sentinelUsername', 'sentinelPassword'];
    assert.deepEqual(
      pick(optionsOf(url, hasty), ...names, 'tls', 'sentinelTLS', 'enableTLSForSentinelMode'),
      {
        sentinels: [
          { host: '127.0.0.1', port: 1 },
          { host: '::1', port: 1 },
        ],
        name: 'main',
        db: 3,
        username: 'app',
        password: 'pw',
        sentinelUsername: 's',
        sentinelPassword: 'sp',
        tls: {},
        sentinelTLS: {},
        enableTLSForSentinelMode: true,
      },
    );
    const plain = optionsOf('redis+sentinel://127.0.0.1:1/main', hasty);
    assert.deepEqual(pick(plain, ...names, 'tls', 'sentinelTLS'), {
      sentinels: [{ host: '127.0.0.1', port: 1 }],
      name: 'main',
      db: 0,
    });
    assert.equal(plain['enableTLSForSentinelMode'], false);
  });

  test('knows the nodes of its cluster', () => {
    const client = connectTo('rediss+cluster://app:pw@127.0.0.1:1,127.0.0.2:1', hasty);
    client.disconnect();
    assert.ok(client instanceof Cluster);
    assert.deepEqual(pick(client.options.redisOptions, 'username', 'password', 'tls'), {
      username: 'app',
      password: 'pw',
      tls: {},
    });
  });

  for (const url of [
    'redis://127.0.0.1:1',
    'redis+sentinel://127.0.0.1:1/main',
    'redis+cluster://127.0.0.1:1',
  ])
    test(`queues nothing and sends nothing twice where it is hasty: ${url}`, () => {
      const names = [
        'maxRetriesPerRequest',
        'autoResendUnfulfilledCommands',
        'commandTimeout',
        'socketTimeout',
      ];
      for (const [manners, expected] of [
        [hasty, [0, false, 1_000, 3_000]],
        [{ patient: true }, [null, true, undefined, 3_000]],
        [{ patient: true, blocks: true }, [null, true, undefined, 13_000]],
      ] as const) {
        const options = optionsOf(url, manners);
        const each = Object.entries(options['redisOptions'] ?? options);
        assert.deepEqual(
          names.map((name) => each.find(([one]) => one === name)?.[1]),
          expected,
        );
        assert.equal(options['enableOfflineQueue'], manners.patient);
        if (url.includes('cluster')) assert.equal(options['retryDelayOnFailover'] === 0, !manners.patient);
      }
    });

  test('is not made of an address that cannot be read, and tells no password of it', () => {
    assert.throws(() => connectTo('redis+sentinel://:hunter2@a', hasty), {
      name: 'TypeError',
      message: /^This is not the address of a Redis\. Name the master/,
    });
  });
});

describe('a Redis that is silent', { skip: redisMissing }, () => {
  test('is left by whoever listens to it and asks for a sign of life, and is looked for', async () => {
    const redis = await startRedis();
    const client = connectTo(redis.url, { patient: true });
    try {
      await client.subscribe('news');
      redis.pause();
      askForLife(client);
      await until(() => client.status !== 'ready');
      redis.resume();
      const heard = new Promise((resolve) => client.once('message', (_channel, text) => resolve(text)));
      await until(() => client.status === 'ready');
      const admin = new Redis(redis.url);
      while ((await admin.publish('news', 'again')) === 0) await sleep(10);
      assert.equal(await heard, 'again');
      admin.disconnect();
    } finally {
      client.disconnect();
      await redis.close();
    }
  });
});

describe('a Redis with a password', { skip: redisMissing }, () => {
  let redis: TestRedis;
  let clients: RedisClient[] = [];
  before(async () => {
    redis = await startRedis();
    const admin = new Redis(redis.url);
    await admin.config('SET', 'requirepass', 'p@ss/w:rd');
    await admin.acl('SETUSER', 'app', 'on', '>hunter2', '~*', '&*', '+@all');
    admin.disconnect();
  });
  after(async () => {
    for (const client of clients) client.disconnect();
    clients = [];
    await redis.close();
  });
  const open = (login: string, manners = hasty): RedisClient => {
    const client = connectTo(redis.url.replace('//', `//${login}@`), manners);
    clients.push(client);
    return client;
  };

  test('takes what is escaped in its address', async () => {
    for (const login of [':p%40ss%2Fw%3Ard', 'app:hunter2']) {
      const client = open(login);
      await until(() => client.status === 'ready');
      assert.equal(await client.ping(), 'PONG');
    }
  });

  test('which is wrong, is in no error', async () => {
    const client = open('app:wrong-hunter2', { patient: true });
    const thrown: unknown = await client
      .ping()
      .then(failPlainly, failPlainly)
      .catch((error: unknown) => error);
    assert.ok(thrown instanceof Error);
    assert.match(thrown.message, /WRONGPASS/);
    assert.doesNotMatch(JSON.stringify([thrown.message, thrown.stack, { ...thrown }]), /hunter2/);
  });
});
