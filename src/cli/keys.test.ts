import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { asArray, asObject, asString } from '../core/json.ts';
import { hashKey, parseKey } from '../core/key.ts';
import { openStores } from '../stores/open.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'intermodal-keys-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function keysOf(store: string) {
  return (...options: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['src/main.ts', 'keys', ...options], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, INTERMODAL_STORE: store },
    });
    return { status, stdout, stderr };
  };
}

function fresh(): string {
  return join(folder, `store-${files++}.db`);
}

describe('intermodal keys', () => {
  test('makes a key that is shown once and kept nowhere', async () => {
    const store = fresh();
    const { status, stdout, stderr } = keysOf(store)(
      'create',
      ...['--name', 'search', '--team', 'web', '--budget', '20/day', '--budget', '$300/month'],
      ...['--rpm', '300', '--rpd', '9k', '--input-tpm', '400k', '--output-tpm', '80k', '--concurrent', '5'],
      ...['--routes', 'classify,gpt-*', '--expires', '90d'],
    );
    assert.equal(status, 0, stderr);
    const text = stdout.trim();
    const id = parseKey(text)?.id;
    assert.match(stderr, /the key "search" \(\w{12}\)\. It is shown this once/);
    assert.ok(!stderr.includes(text));

    const stores = await openStores(store);
    const [record, ...others] = await stores.keys.list();
    await stores.close();
    assert.equal(others.length, 0);
    assert.ok(record !== undefined);
    assert.equal((record.expiresAtMs ?? 0) - record.createdAtMs, 90 * 86_400_000);
    assert.deepEqual(
      { ...record, createdAtMs: 0, expiresAtMs: 0 },
      {
        id,
        name: 'search',
        hash: hashKey(text),
        team: 'web',
        admin: false,
        routes: ['classify', 'gpt-*'],
        limits: {
          requestsPerMinute: 300,
          requestsPerDay: 9000,
          inputTokensPerMinute: 400_000,
          outputTokensPerMinute: 80_000,
          concurrent: 5,
        },
        budgets: { dailyNanoUsd: 20e9, monthlyNanoUsd: 300e9 },
        createdAtMs: 0,
        expiresAtMs: 0,
      },
    );
    const secret = text.slice(-40);
    for (const file of readdirSync(folder)) {
      assert.ok(!readFileSync(join(folder, file)).includes(secret), file);
    }
  });

  test('lists and revokes, in tables and in JSON', () => {
    const keys = keysOf(fresh());
    const made = asObject(JSON.parse(keys('create', '--name', 'search', '--rpm', '300', '--json').stdout));
    const admin = asObject(JSON.parse(keys('create', '--name', 'ops', '--admin', '--json').stdout));
    assert.equal(parseKey(asString(made['key']) ?? '')?.id, made['id']);
    assert.deepEqual(parseKey(asString(admin['key']) ?? ''), { id: admin['id'], admin: true });

    const again = keys('create', '--name', 'search');
    assert.equal(again.status, 1);
    assert.equal(again.stdout, '');
    assert.match(again.stderr, /^There is a key named "search" already\. .*intermodal keys revoke search\n$/);

    assert.match(keys('revoke', 'search').stdout, /^The key "search" is revoked/);
    const twice = keys('revoke', 'search');
    assert.equal(twice.status, 1);
    assert.match(twice.stderr, /no living key "search"\. See which there are: intermodal keys list/);
    assert.equal(keys('revoke', asString(admin['id']) ?? '', '--json').status, 0);
    assert.equal(keys('create', '--name', 'search').status, 0);

    const { stdout } = keys('list');
    assert.match(stdout, /^search +\w{12} +revoked +- +all routes +300 req\/min +- +\d{4}-\d\d-\d\d +-$/m);
    assert.match(stdout, /^ops +\w{12} +revoked +- +admin +- /m);
    assert.match(stdout, /^search +\w{12} +live +- +all routes +- /m);
    const listed = asArray(JSON.parse(keys('list', '--json').stdout)).map(asObject);
    assert.deepEqual(
      listed.map(({ name, state }) => [name, state]),
      [
        ['search', 'revoked'],
        ['ops', 'revoked'],
        ['search', 'live'],
      ],
    );
    assert.ok(listed.every((key) => key['hash'] === undefined && key['key'] === undefined));
  });

  test('refuses what cannot be, says what would be right, and makes no store for it', () => {
    const store = fresh();
    const keys = keysOf(store);
    const cases: [string[], RegExp][] = [
      [['create'], /required option '--name <name>' not specified/],
      [['create', '--name', 'a b'], /name "a b" cannot be used\. Write up to 64 letters/],
      [['create', '--name', 'a', '--budget', '20'], /such as 20\/day/],
      [['create', '--name', 'a', '--admin', '--rpm', '3'], /An admin key calls no model/],
      [['list'], /There is no store at .*\. Name one with --store/],
      [['revoke', 'a'], /There is no store at /],
    ];
    for (const [options, expected] of cases) {
      const { status, stdout, stderr } = keys(...options);
      assert.equal(status, 1, options.join(' '));
      assert.equal(stdout, '');
      assert.match(stderr, expected);
    }
    assert.ok(!existsSync(store));
  });

  test('names a store that cannot be reached without its password', () => {
    const { status, stderr } = keysOf(fresh())('list', '--store', 'postgres://me:hunter2@127.0.0.1:1/x');
    assert.equal(status, 1);
    assert.match(stderr, /^The store postgres:\/\/me@127\.0\.0\.1:1\/x cannot be reached: .*\n$/);
    assert.ok(!stderr.includes('hunter2'));
  });
});
