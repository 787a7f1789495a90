/** Requests whose callers do not hold the line, where there are keys: whose they are, who sees them, who pays. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { callerOf, chat, faults, type Headers, openaiError, textOf, yaml } from './support/async-caller.ts';
import { addKey } from './support/keys.ts';
import { type Road, startRoad } from './support/road.ts';

describe('Prefer: respond-async with keys', () => {
  let road: Road;
  let stores: Stores;
  let mine: ReturnType<typeof callerOf>;
  let other: ReturnType<typeof callerOf>;
  before(async () => {
    stores = await openStores(':memory:');
    const bearer = (text: string): Headers => ({ authorization: `Bearer ${text}` });
    const [my, others] = [await addKey(stores, 'mine', { routes: ['lone'] }), await addKey(stores, 'other')];
    road = await startRoad({ yaml, faults, stores });
    mine = callerOf(() => road, bearer(my));
    other = callerOf(() => road, bearer(others));
  });
  after(() => road.close());

  test('shows a request to its owner alone', async () => {
    const { id } = await mine.keep(chat('secret', 'lone'));
    for (const method of ['GET', 'DELETE']) {
      const response = await other.about(id, method);
      assert.equal(response.status, 404);
      openaiError.parse(await response.json());
    }
    assert.equal((await fetch(`${road.url}/v1/requests/${id}`)).status, 401);
    assert.equal(await textOf(await mine.ended(id)), 'secret');
    assert.equal((await other.about(id)).status, 404);
  });

  test('keeps nothing of a route that the key may not use', async () => {
    assert.equal((await mine.send('/v1/chat/completions', chat('x', 'cheap'))).status, 403);
  });

  test('calls nothing for a key that was revoked meanwhile', async () => {
    const key = await addKey(stores, 'gone');
    await road.until('the key is known', async () => {
      const headers = { authorization: `Bearer ${key}` };
      return (await fetch(`${road.url}/v1/requests/x`, { headers })).status === 404;
    });
    const gone = callerOf(() => road, { authorization: `Bearer ${key}` });
    const { id } = await gone.keep(chat('r', 'lone'));
    await stores.keys.revoke('gone', Date.now());
    const ended = await road.until('it has ended', async () => {
      const row = await stores.queue.get('gone', id);
      return row?.endedAtMs !== undefined && row;
    });
    assert.equal(ended.answer?.status, 403, JSON.stringify(ended.answer));
  });

  test('tells nothing to addresses of the machine or its network', async () => {
    for (const url of ['http://127.0.0.1:1/', 'http://169.254.169.254/latest', 'http://localhost/']) {
      const response = await other.send('/v1/chat/completions', chat('x'), { 'x-intermodal-webhook': url });
      assert.equal(response.status, 400, url);
      assert.match(openaiError.parse(await response.json()).error.message, /private network/);
    }
  });

  test('keeps idempotency keys of owners apart', async () => {
    const headers = { 'idempotency-key': 'same' };
    const [one, two] = [
      await mine.keep(chat('k', 'lone'), headers),
      await other.keep(chat('k', 'lone'), headers),
    ];
    assert.notEqual(one.id, two.id);
  });
});
