import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Clock } from '../../core/clock.ts';
import { createAuth } from './auth.ts';
import { type Settings, settings } from './settings.ts';

const hourMs = 3_600_000;

/** A clock that can be moved on; tokens are dated by the real one, which the credential library reads itself. */
function createClock(): Clock & { advance(ms: number): void } {
  let ahead = 0;
  const start = performance.timeOrigin + performance.now();
  return {
    now: () => start + ahead,
    after: () => () => {},
    advance(ms) {
      ahead += ms;
    },
  };
}

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const account = {
  type: 'service_account',
  project_id: 'harbour-1',
  private_key_id: 'k1',
  private_key: privateKey,
  client_email: 'pilot@harbour-1.iam.gserviceaccount.com',
  client_id: '1',
};

describe('authentication', () => {
  let server: Server;
  let origin = '';
  let asked: string[] = [];
  let refuse = false;

  before(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        asked.push(body);
        response.setHeader('content-type', 'application/json');
        if (refuse) {
          response.statusCode = 400;
          response.end(
            JSON.stringify({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }),
          );
        } else
          response.end(
            JSON.stringify({ access_token: `token-${asked.length}`, token_type: 'Bearer', expires_in: 3600 }),
          );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // Listening on a port, so the address is no string.
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked = [];
    refuse = false;
  });

  /** Google's token address is fixed in the library: calls to it go to the server here. */
  const toServer: typeof fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    assert.equal(url.host, 'oauth2.googleapis.com');
    return fetch(origin + url.pathname, init);
  };

  const configured = (values: object): Settings => settings.parse(values);

  test('a fixed token, a key and nothing at all are there at once', () => {
    const world = { env: {}, clock: createClock() };
    assert.deepEqual(createAuth(configured({ access_token: 't' }), world)(), { authorization: 'Bearer t' });
    assert.deepEqual(createAuth(configured({ api_key: 'k' }), world)(), { 'x-goog-api-key': 'k' });
    assert.deepEqual(createAuth(configured({ base_url: 'http://127.0.0.1:9999/~vertex/' }), world)(), {});
  });

  for (const [name, credentials] of [
    ['as an object', account],
    ['as JSON text', JSON.stringify(account)],
  ] as const) {
    test(`a service account ${name}: one fetch for many calls, kept until five minutes before its end`, async () => {
      const clock = createClock();
      const auth = createAuth(configured({ credentials }), { env: {}, clock, fetch: toServer });
      const first = await Promise.all([auth(), auth(), auth()]);
      assert.deepEqual(
        first.map((headers) => headers['authorization']),
        Array(3).fill('Bearer token-1'),
      );
      assert.equal(asked.length, 1);
      assert.match(asked[0] ?? '', /grant_type=urn.*jwt-bearer/);

      clock.advance(hourMs - 6 * 60_000);
      assert.deepEqual(auth(), { authorization: 'Bearer token-1' });
      clock.advance(2 * 60_000);
      assert.deepEqual(await auth(), { authorization: 'Bearer token-2' });
      assert.equal(asked.length, 2);
    });
  }

  test('a refusal is ours to mend, says nothing of the credential, and is tried again by the next call', async () => {
    const auth = createAuth(configured({ credentials: account }), {
      env: {},
      clock: createClock(),
      fetch: toServer,
    });
    refuse = true;
    await assert.rejects(async () => auth(), {
      code: 'upstream_auth',
      message: 'No Google access token could be had.',
    });
    refuse = false;
    assert.match((await auth())['authorization'] ?? '', /^Bearer token-/);
  });

  test('a path that leads nowhere, in the settings or in the environment, is told the same way', async () => {
    const clock = createClock();
    for (const [values, env] of [
      [{ credentials: '/nowhere/key.json' }, {}],
      [{}, { GOOGLE_APPLICATION_CREDENTIALS: '/nowhere/key.json' }],
    ] as const) {
      const auth = createAuth(configured(values), { env, clock, fetch: toServer });
      await assert.rejects(async () => auth(), { code: 'upstream_auth' });
    }
    assert.equal(asked.length, 0);
  });

  test('a token server that never answers is given up', async () => {
    let fire: (() => void) | undefined;
    const clock: Clock = {
      now: () => 0,
      after(ms, callback) {
        assert.equal(ms, 15_000);
        fire = callback;
        return () => {};
      },
    };
    const never: typeof fetch = () => new Promise(() => {});
    const auth = createAuth(configured({ credentials: account }), { env: {}, clock, fetch: never });
    const waiting = auth();
    fire?.();
    await assert.rejects(async () => waiting, { code: 'upstream_auth', message: /within 15 s/ });
  });

  test('credentials that begin like JSON and are none are refused with the config', () => {
    const parsed = settings.safeParse({ credentials: '{"type": "service' });
    assert.equal(parsed.success, false);
    assert.doesNotMatch(JSON.stringify(parsed.error), /service/);
  });
});
