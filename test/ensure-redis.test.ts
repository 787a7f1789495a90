/** What happens before the tests where redis-server is, may be and cannot be had; with an apt-get of our own making. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { ensureRedis, type Machine } from '../scripts/ensure-redis.ts';

describe('before the tests', () => {
  let folder = '';
  let said: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'intermodal-ensure-'));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const machine = (over: Partial<Machine> = {}): Machine => ({
    path: folder,
    platform: 'linux',
    user: 0,
    say: (line) => said.push(line),
    ...over,
  });

  function program(name: string, text: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }

  test('a redis-server on PATH is enough, and nothing is said', () => {
    program('redis-server', 'exit 1');
    program('apt-get', `touch ${folder}/called`);
    assert.equal(ensureRedis(machine()), 'there');
    assert.deepEqual(said, []);
    assert.ok(!existsSync(join(folder, 'called')));
  });

  test('root on Debian gets it, from a list of packages that is fresh', () => {
    program(
      'apt-get',
      `echo "$1" >> ${folder}/calls; test "$1" = update || cp ${folder}/apt-get ${folder}/redis-server`,
    );
    assert.equal(ensureRedis(machine()), 'installed');
    assert.equal(said.length, 1);
    assert.equal(ensureRedis(machine()), 'there');
  });

  test('an apt-get that fails is no failure', () => {
    program('apt-get', 'exit 100');
    assert.equal(ensureRedis(machine()), 'missing');
    assert.match(
      said.at(-1) ?? '',
      /^redis-server is not on PATH, .* skip\. Get it: apt-get install redis-server/,
    );
  });

  for (const [who, over, how] of [
    ['another user', { user: 1000 }, /apt-get install redis-server/],
    ['a Mac', { platform: 'darwin' }, /brew install redis$/],
    ['Windows', { platform: 'win32', user: undefined }, /https:\/\/redis\.io\//],
  ] as const) {
    test(`${who} is told how to get it, in one line`, () => {
      program('apt-get', `touch ${folder}/called`);
      assert.equal(ensureRedis(machine(over)), 'missing');
      assert.equal(said.length, 1);
      assert.match(said[0] ?? '', how);
      assert.ok(!existsSync(join(folder, 'called')));
    });
  }
});
