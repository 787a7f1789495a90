/** Where Azure's batches go, as whom, and as which deployment. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { provider } from './index.ts';
import { settings } from './settings.ts';

const model = modelInfo('gpt-4.1-mini');
const open = (configured: object) =>
  provider.create('azure', settings.parse(configured), { env: {}, clock: systemClock });

describe('Azure’s batches', () => {
  let simulator: Simulator;
  before(async () => {
    simulator = await startSimulator();
  });
  after(() => simulator.close());

  async function jobsAfter(configured: object): Promise<readonly { model: string; instance: string }[]> {
    const endpoint = open({ endpoint: `${simulator.url}/~mine`, ...configured }).batch?.(model, 'chat');
    const job = { id: 's0123456789a', items: 1, bytes: 1, createdAtMs: 0 };
    const body = JSON.stringify({ model: model.id, messages: [{ role: 'user', content: 'Hello' }] });
    async function* lines() {
      yield [{ key: 0, body }];
    }
    const submitted = await endpoint?.submit(job, lines());
    assert.equal(submitted?.kind, 'accepted');
    return JSON.parse(await (await fetch(`${simulator.url}/~simulator/jobs`)).text()).jobs;
  }

  test('name the deployment for batches, whatever api_version sync calls use', async () => {
    const batch = { deployments: { [model.id]: 'mini-batch' } };
    const jobs = await jobsAfter({ api_key: 'k', api_version: '2024-10-21', batch });
    assert.equal(jobs.at(-1)?.model, 'mini-batch');
    assert.equal(jobs.at(-1)?.instance, 'mine');
  });

  test('take an Entra token, and bare paths', async () => {
    const jobs = await jobsAfter({ entra: { token: 't' }, batch: { bare_paths: true } });
    assert.equal(jobs.at(-1)?.model, model.id);
  });

  test('are offered for chat, for embeddings where asked for, and not without an address', () => {
    const endpoint = 'https://acme.openai.azure.com';
    assert.equal(open({ endpoint }).batch?.(model, 'embedding'), undefined);
    assert.ok(open({ endpoint, batch: { embeddings: true } }).batch?.(model, 'embedding') !== undefined);
    assert.equal(open({}).batch, undefined);
  });
});
