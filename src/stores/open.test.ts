/** Stores that cannot be opened, and what is said about them. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { freePort, password } from '../../test/support/postgres.ts';
import { startStoreKinds } from '../../test/support/stores.ts';
import { openStores } from './open.ts';
import { StoreError } from './store-error.ts';

const { kinds, run, closeAll, stop } = await startStoreKinds();
const folder = mkdtempSync(join(tmpdir(), 'intermodal-open-'));
afterEach(closeAll);
after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stop();
});

/** The message, of which no part may be a password. */
async function refusal(url: string): Promise<string> {
  try {
    await (await openStores(url)).close();
  } catch (thrown) {
    assert.ok(thrown instanceof StoreError, String(thrown));
    for (const secret of [password, encodeURIComponent(password), 'hunter2']) {
      assert.ok(!`${thrown.stack} ${JSON.stringify(thrown.cause)}`.includes(secret), thrown.message);
    }
    return thrown.message;
  }
  throw new Error(`${url} was opened`);
}

for (const { name, skip, shared, fresh, open } of kinds) {
  const reason = skip === false && !shared ? 'memory is always new' : skip;

  describe(`a store in ${name}`, { skip: reason }, () => {
    test('answers while it is open, and says that it does not once it is closed', async () => {
      const stores = await openStores(await fresh());
      await stores.answers();
      await stores.close();
      await assert.rejects(stores.answers());
    });

    test('keeps what it has when it is opened again', async () => {
      const url = await fresh();
      const first = await open(url);
      await first.marks.write([{ name: 'key:a/day', nanoUsd: 1, expiresAtMs: 5 }]);
      assert.equal((await (await open(url)).marks.read(5)).length, 1);
    });

    test('works when a newer version has added to it', async () => {
      const url = await fresh();
      await open(url);
      await closeAll();
      await run(url, "insert into intermodal_migration (name, timestamp) values ('9999-later', 'x')");
      const ahead = await open(url);
      await ahead.marks.write([{ name: 'key:a/day', nanoUsd: 1, expiresAtMs: 5 }]);
      await closeAll();
    });

    test('is refused when a newer version has broken with this one', async () => {
      const url = await fresh();
      await open(url);
      await closeAll();
      await run(
        url,
        "insert into intermodal_migration (name, timestamp) values ('9999-later-breaking', 'x')",
      );
      const message = await refusal(url);
      assert.match(
        message,
        /was written by a newer version \(it has 9999-later-breaking\)\. Upgrade intermodal/,
      );
      await closeAll();
    });

    test('is refused when its tables are not ours, and left as it was', async () => {
      const url = await fresh();
      await open(url);
      await closeAll();
      await run(url, 'delete from intermodal_migration; drop table intermodal_mark');
      const message = await refusal(url);
      assert.match(message, /cannot be made: .*intermodal_ledger.* already exists\. Mend that/);
      await assert.rejects(run(url, 'select * from intermodal_mark'));
    });
  });
}

describe('an address', () => {
  test('may be a path, sqlite: and a path, or memory; folders are made', async () => {
    for (const path of ['a/b/c.db', 'd.db', 'odd name%20?.db']) {
      for (const prefix of ['', 'sqlite:']) {
        await (await openStores(`${prefix}${join(folder, path)}`)).close();
        assert.ok(existsSync(join(folder, path)));
        rmSync(join(folder, path));
      }
    }
    await (await openStores('sqlite::memory:')).close();
    await (await openStores(':memory:')).close();
    assert.ok(!existsSync(':memory:'));
  });

  test('of no kind that there is says which there are', async () => {
    assert.match(await refusal('mysql://root:hunter2@db/x'), /no store of the kind "mysql:\/\/"\. Write/);
    assert.match(await refusal('sqlite:'), /has no path/);
    assert.match(await refusal(''), /has no path/);
  });

  test('of a file that is no database, or in a folder that cannot be, says so', async () => {
    const text = join(folder, 'notes.txt');
    writeFileSync(text, 'not a database, but a long text about something else '.repeat(100));
    assert.match(await refusal(text), /notes\.txt cannot be opened: file is not a database\. Name a SQLite/);
    assert.match(await refusal(join(text, 'store.db')), /store\.db cannot be opened: /);
    assert.match(await refusal(folder), /cannot be opened: /);
  });

  test('where no Postgres is says so without its password', async () => {
    const port = await freePort();
    const message = await refusal(`postgres://me:hunter2@127.0.0.1:${port}/ledger?application_name=hunter2`);
    assert.match(
      message,
      new RegExp(`^The store postgres://me@127\\.0\\.0\\.1:${port}/ledger cannot be reached: .*ECONNREFUSED`),
    );
  });

  test('that is no address at all does not show its password', async () => {
    assert.match(await refusal('postgres://me:hunter2@host:port/x'), /percent-encoded/);
    assert.match(await refusal('postgres://me:hunt#hunter2@/x y:z'), /percent-encoded|cannot be reached/);
  });
});

describe('Postgres', () => {
  const postgres = kinds.find((kind) => kind.name === 'Postgres');

  test('refuses a wrong password, and the message does not show it', {
    skip: postgres?.skip ?? 'there is no Postgres',
  }, async () => {
    const url = (await postgres?.fresh()) ?? '';
    const message = await refusal(url.replace(encodeURIComponent(password), 'hunter2'));
    assert.match(message, /cannot be reached: password authentication failed for user "postgres"/);
  });

  test('may restart: what was idle is replaced, and nothing ends the process', {
    skip: postgres?.skip ?? 'there is no Postgres',
  }, async () => {
    assert.ok(postgres !== undefined);
    const url = await postgres.fresh();
    const { keys } = await postgres.open(url);
    assert.equal(await keys.version(), 0);
    await run(
      url,
      'select pg_terminate_backend(pid, 5000) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    );
    // The first to ask may be the one to learn of it.
    const first = await keys.version().catch(() => 0);
    assert.equal(first, 0);
    assert.equal(await keys.version(), 0);
  });
});
