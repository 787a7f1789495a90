/** A Postgres that is busy, and one that falls silent: what others notice of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { type RunningPostgres, startPostgres } from '../../../test/support/postgres.ts';
import { startWire, type Wire } from '../../../test/support/wire.ts';
import { StoreError } from '../store-error.ts';
import { connectPostgres } from './connect.ts';

const started = await startPostgres();
const skip = typeof started === 'string' ? started : false;

describe('a connection to Postgres', { skip }, () => {
  let postgres: RunningPostgres;
  let wire: Wire;
  let url: string;
  before(async () => {
    assert.ok(typeof started !== 'string');
    postgres = started;
    url = await postgres.fresh();
    wire = await startWire(postgres.port);
  });
  after(async () => {
    await wire.close();
    await postgres.stop();
  });

  const withSize = (size: string): string => `${url}?pool_size=${size}`;

  test('has as many connections as the address says, and a busy one still answers', async () => {
    const connection = await connectPostgres(withSize('2'));
    const sleeping = Promise.all(
      Array.from({ length: 4 }, () => sql`select pg_sleep(0.4)`.execute(connection.database)),
    );
    let over = false;
    void sleeping.then(() => {
      over = true;
    });
    const startedMs = performance.now();
    await connection.answers();
    assert.equal(over, false, 'it waited for the pool');
    await sleeping;
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 700, `four of two at once took ${tookMs} ms`);
    await connection.close();
  });

  for (const size of ['0', '-1', '1.5', 'many', '', '1001'])
    test(`is refused with ${JSON.stringify(size)} connections`, async () => {
      await assert.rejects(
        connectPostgres(withSize(size)),
        (thrown) =>
          thrown instanceof StoreError &&
          /pool_size of the store .* is not a number from 1/.test(thrown.message),
      );
    });

  test('that ends between two statements of a transaction fails the transaction, and nothing else', async () => {
    const connection = await connectPostgres(url);
    const broken = connection.database.transaction().execute(async (transaction) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction);
      await sql`select pg_terminate_backend(${rows[0]?.pid}, 5000)`.execute(connection.database);
      // Its end has reached this process before this answer does.
      await sql`select 1`.execute(connection.database);
      await sql`select 1`.execute(transaction);
    });
    await assert.rejects(broken);
    await sql`select 1`.execute(connection.database);
    await connection.close();
  });

  test('that falls silent is ended, and others take its place', async () => {
    const through = withSize('1').replace(`:${postgres.port}/`, `:${wire.port}/`);
    const patience = { connectMs: 200, queryMs: 200, silenceMs: 300, probeMs: 200 };
    const connection = await connectPostgres(through, patience);
    const ask = async (): Promise<void> => {
      await sql`select 1`.execute(connection.database);
    };
    await ask();
    await connection.answers();
    wire.cut();
    await assert.rejects(ask());
    await assert.rejects(connection.answers());
    // Only new connections pass: the old one stays silent, as one does that a firewall forgot.
    wire.mendForNew();
    const startedMs = performance.now();
    for (;;) {
      try {
        await ask();
        break;
      } catch (thrown) {
        assert.ok(performance.now() - startedMs < 10_000, String(thrown));
      }
    }
    await connection.answers();
    await connection.close();
  });
});
