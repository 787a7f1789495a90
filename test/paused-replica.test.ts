/**
 * A replica that is paused past its lease in the middle of a batch, and goes on as if nothing had been: another has done its work
 * meanwhile, and nothing of it is lost, doubled, or paid twice; what one has set aside, the other gives back. `npm run bench replicas` does it for longer, and breaks more.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Balancer, pause } from '../bench/replicas/balancer.ts';
import { readBill } from '../bench/replicas/bill.ts';
import { ended, judge, submit } from '../bench/replicas/items.ts';
import { type Scene, startScene } from '../bench/replicas/scene.ts';
import { openStores } from '../src/stores/open.ts';
import { startPostgres } from './support/postgres.ts';
import { redisMissing } from './support/redis.ts';

const yaml = `
server: { log: error }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "\${SIMULATOR_URL}/~openai/v1" }
retry: { rounds: 3 }
limits:
  openai/gpt-4.1-nano: { batch: { concurrent: 2 } }
budgets:
  - { scope: route, route: nightly, daily: $1 }
routes:
  nightly: { chain: [openai/gpt-4.1-nano@batch, openai/gpt-4.1-nano] }
`;
const leaseMs = 1_000;
const batch = {
  poll: ['100ms'],
  retry: ['100ms'],
  look_again: '1s',
  lease: `${leaseMs}ms`,
  submission_items: 300,
};
const plan = { think_ms: 20, batches: [{ duration_ms: 400, item_error: 10 }] };
const items = 3_000;

const postgres = await startPostgres();
const skip = typeof postgres === 'string' ? postgres : redisMissing;
if (typeof postgres !== 'string') await postgres.stop();

describe('a replica that is paused past its lease', { skip }, () => {
  let scene: Scene;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'intermodal-paused-'));
    scene = await startScene({ replicas: 2, yaml, batch, plan });
  });
  after(async () => {
    await scene.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('goes on without harm, wherever it was', async () => {
    const balancer = new Balancer(scene.replicas);
    const submitted = await submit(balancer, folder, 'paused', items);
    // Each in turn, so that whoever holds a step is paused in it, and the other always goes on.
    let over = false;
    const pausing = (async () => {
      for (let turn = 0; !over; turn++) {
        const pid = scene.replicas[turn % 2]?.program?.pid ?? 0;
        process.kill(pid, 'SIGSTOP');
        await pause(leaseMs * 2);
        process.kill(pid, 'SIGCONT');
        await pause(200);
      }
    })();
    const looked = await ended(balancer, submitted, performance.now() + 60_000).finally(() => {
      over = true;
    });
    await pausing;
    assert.ok(looked !== undefined, 'it has not ended');
    const { answered, failed, problems } = await judge(balancer, looked, submitted);
    assert.deepEqual(problems, []);
    assert.equal(answered + failed, items);
    const stores = await openStores(scene.postgres.address(scene.postgres.port));
    const bill = await readBill(scene.simulator.url, stores);
    await stores.close();
    assert.ok(bill.paid >= items);
    assert.equal(bill.again - bill.declared, 0, `${bill.again} paid again, ${bill.declared} declared`);
  });
});
