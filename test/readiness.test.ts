/** What is told of a gateway whose store is away: to load balancers, and to people. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const report = z.object({ status: z.string(), store: z.object({ status: z.string() }) });

describe('a store that is away', () => {
  let gateway: TestGateway;
  let away = false;
  before(async () => {
    const stores = await openStores(':memory:');
    const answers: Stores['answers'] = async () => {
      if (away) throw new Error('nobody is there');
      await stores.answers();
    };
    gateway = await startTestGateway({ stores: { ...stores, answers } });
  });
  after(() => gateway.close());

  const told = async () => ({
    live: (await fetch(`${gateway.url}/livez`)).status,
    ready: (await fetch(`${gateway.url}/readyz`)).status,
    health: report.parse(await (await fetch(`${gateway.url}/health`)).json()),
  });

  test('takes the gateway out of service, does not end it, and is named', async () => {
    assert.deepEqual(await told(), {
      live: 200,
      ready: 200,
      health: { status: 'ok', store: { status: 'ok' } },
    });
    away = true;
    // It is asked once a second.
    for (let tries = 0; (await told()).ready === 200; tries++) {
      assert.ok(tries < 100);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.deepEqual(await told(), {
      live: 200,
      ready: 503,
      health: { status: 'degraded', store: { status: 'away' } },
    });
  });
});
