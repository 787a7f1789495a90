/** Addresses of a Redis, of sentinels and of clusters, right and wrong. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { addressPattern, type RedisAddress, readRedisAddress } from './address.ts';
import { plainTrouble } from './trouble.ts';

function address(text: string): RedisAddress {
  const read = readRedisAddress(text);
  assert.ok(read.ok, read.ok ? '' : read.fix);
  return read.address;
}

function fix(text: string): string {
  const read = readRedisAddress(text);
  assert.ok(!read.ok, `${text} was taken`);
  return read.fix;
}

const bare = { tls: false, user: undefined, password: undefined };

describe('the address of a Redis', () => {
  const one = (host: string, port = 6379) => ({ ...bare, kind: 'single', db: 0, nodes: [{ host, port }] });
  for (const [text, expected] of [
    ['redis://cache', one('cache')],
    ['redis://cache/', one('cache')],
    ['redis://127.0.0.1:7000', one('127.0.0.1', 7000)],
    ['redis://cache.acme.test:7000/3', { ...one('cache.acme.test', 7000), db: 3 }],
    ['rediss://cache', { ...one('cache'), tls: true }],
    ['redis://[::1]', one('::1')],
    ['redis://[fe80::1]:7000', one('fe80::1', 7000)],
    ['redis://:hunter2@cache', { ...one('cache'), password: 'hunter2' }],
    ['redis://app:hunter2@cache', { ...one('cache'), user: 'app', password: 'hunter2' }],
    ['redis://app:@cache', { ...one('cache'), user: 'app', password: '' }],
    ['redis://a%3Ab:p%40s%2Fs%25@cache', { ...one('cache'), user: 'a:b', password: 'p@s/s%' }],
    ['redis://app:p@ss:w@cache', { ...one('cache'), user: 'app', password: 'p@ss:w' }],
  ] as const)
    test(`single: ${text}`, () => {
      assert.deepEqual(address(text), expected);
    });

  const watched = (...nodes: readonly { readonly host: string; readonly port: number }[]) => ({
    ...bare,
    kind: 'sentinel',
    nodes,
    master: 'mymaster',
    db: 0,
    sentinelUser: undefined,
    sentinelPassword: undefined,
  });
  const a = { host: 'a', port: 26_379 };
  for (const [text, expected] of [
    ['redis+sentinel://a/mymaster', watched(a)],
    [
      'redis+sentinel://a,b:26380,[::1]:1/mymaster/',
      watched(a, { host: 'b', port: 26_380 }, { host: '::1', port: 1 }),
    ],
    ['redis+sentinel://a/mymaster/2', { ...watched(a), db: 2 }],
    ['rediss+sentinel://:pw@a/mymaster', { ...watched(a), tls: true, password: 'pw' }],
    ['redis+sentinel://a/my%20%2Fmaster', { ...watched(a), master: 'my /master' }],
    [
      'redis+sentinel://u:p@a/mymaster?sentinel_user=s%26t&sentinel_password=w%3D=%23',
      { ...watched(a), user: 'u', password: 'p', sentinelUser: 's&t', sentinelPassword: 'w==#' },
    ],
    ['redis+sentinel://a/mymaster?sentinel_password=x', { ...watched(a), sentinelPassword: 'x' }],
  ] as const)
    test(`sentinels: ${text}`, () => {
      assert.deepEqual(address(text), expected);
    });

  const cluster = {
    ...bare,
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 6379 },
      { host: 'b', port: 7001 },
    ],
  };
  for (const [text, expected] of [
    ['redis+cluster://a,b:7001', cluster],
    ['redis+cluster://a,b:7001/', cluster],
    ['rediss+cluster://u:p@a,b:7001', { ...cluster, tls: true, user: 'u', password: 'p' }],
  ] as const)
    test(`cluster: ${text}`, () => {
      assert.deepEqual(address(text), expected);
    });

  for (const [text, expected] of [
    ['cache:6379', /^Did you mean "redis:\/\/cache:6379"\?$/],
    ['', /^Write redis:\/\/HOST:6379, /],
    ['redis://', /^Write redis:\/\/HOST:6379, /],
    ['redis:cache', /^Write redis:\/\/HOST:6379, /],
    ['http://cache', /^Write redis:\/\/HOST:6379, /],
    ['redis+cluster://a,', /^Write /],
    ['redis://::1', /^Write /],
    ['redis://[::1', /^Write /],
    ['redis://a b', /^Write /],
    ['redis+proxy://a', /^Write /],
    ['redis://a#b', /^Write /],
    ['redis://a:0', /port is a number from 1 to 65535/],
    ['redis://a:65536', /port is a number from 1 to 65535/],
    ['redis://a,b', /redis\+sentinel:\/\/.*redis\+cluster:\/\//],
    ['redis://a/x', /database is a whole number/],
    ['redis://a/-1', /database is a whole number/],
    ['redis://a/1/2', /at most/],
    ['redis://hunter2@a', /USER:PASSWORD@/],
    ['redis://:50%off@a', /%25 for itself/],
    ['redis+sentinel://a', /Name the master/],
    ['redis+sentinel://a//1', /Name the master/],
    ['redis+sentinel://a/m/1/2', /Name the master/],
    ['redis+sentinel://a/m?sentinel_pass=x', /only sentinel_user and sentinel_password are known/],
    ['redis+sentinel://a/m?sentinel_user', /only sentinel_user and sentinel_password are known/],
    ['redis://a?family=6', /only sentinel_user and sentinel_password are known/],
    ['redis+cluster://a/0', /nothing stands behind its hosts/],
  ] as const)
    test(`wrong: ${text}`, () => {
      assert.match(fix(text), expected);
      assert.doesNotMatch(fix(text), /hunter2|50%off/);
    });

  test('whatever is in a password comes back when it is escaped, and is told by no message when it is not', () => {
    const kinds = ['redis://', 'rediss+sentinel://', 'redis+cluster://'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.string({ unit: 'binary' }), (scheme, password) => {
        const host = scheme.includes('sentinel') ? 'a/m' : 'a';
        let escaped: string;
        try {
          escaped = encodeURIComponent(password);
        } catch {
          return; // Half a character.
        }
        assert.equal(address(`${scheme}u:${escaped}@${host}`).password, password);
      }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.constantFrom('/', '?', '#', '@', '%', ' ', ':', ','),
        (scheme, odd) => {
          const read = readRedisAddress(`${scheme}user:Hunter${odd}Zwei@a,b:x/1/2?q=1`);
          assert.ok(!read.ok);
          assert.doesNotMatch(read.fix, /Hunter|Zwei/);
        },
      ),
    );
  });

  test('the schema’s pattern takes what is right', () => {
    const pattern = new RegExp(addressPattern);
    for (const scheme of [
      'redis',
      'rediss',
      'redis+sentinel',
      'rediss+sentinel',
      'redis+cluster',
      'rediss+cluster',
    ])
      assert.match(`${scheme}://a`, pattern);
    for (const scheme of ['http', 'redis+', 'redis+proxy', 'xredis'])
      assert.doesNotMatch(`${scheme}://a`, pattern);
  });
});

describe('errors of the Redis client', () => {
  test('lose the command that failed, which may be a login', () => {
    const error = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
      name: 'ReplyError',
      command: { name: 'hello', args: ['3', 'AUTH', 'app', 'hunter2'] },
    });
    const plain = plainTrouble(error);
    assert.equal(plain.message, error.message);
    assert.equal(plain.name, 'ReplyError');
    assert.deepEqual(Object.keys(plain), ['name']);
    const unknown = new Error(
      'ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `hunter2`, ',
    );
    assert.equal(plainTrouble(unknown).message, 'ERR unknown command `HELLO`');
    assert.equal(plainTrouble('odd').message, 'Redis does not answer');
  });
});
