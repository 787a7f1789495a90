/** A provider that says by itself that a job has ended, long before it would be asked. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { signWebhook } from '../src/providers/jobs/webhook.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const secret = 'a secret between two';
const yaml = `
providers:
  reseller:
    type: jobs
    base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/v1"
    api_key: sk-test
    webhook: { url: "http://127.0.0.1:9/v1/batch/webhooks/reseller", secret: "${secret}" }
batch: { poll: [24h] }
routes:
  bulk: { chain: [reseller/some-model@batch] }
`;

async function read<T>(response: Response): Promise<T> {
  return JSON.parse(await response.text());
}

interface View {
  readonly id: string;
  readonly status: string;
}

describe('a provider’s word that a job has ended', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-hook-'));
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway({ yaml, blobs: folder, faults: { batches: [{ stuck: 100 }] } });
  });
  after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const say = (body: string, signature: string): Promise<Response> =>
    fetch(`${gateway.url}/v1/batch/webhooks/reseller`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-holysheep-signature': signature },
      body,
    });

  async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (let turn = 0; turn < 400; turn++) {
      const seen = await look();
      if (seen !== undefined) return seen;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(
      `It did not happen within ten seconds: ${JSON.stringify([gateway.complaints, gateway.lines.slice(-5)])}`,
    );
  }

  test('is believed where it is signed, and nothing of it otherwise', async () => {
    const requests = [
      {
        custom_id: 'a',
        method: 'POST',
        url: '/v1/chat/completions',
        body: { model: 'bulk', messages: [{ role: 'user', content: 'Hello' }] },
      },
    ];
    const created = await fetch(`${gateway.url}/v1/batches`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ requests, endpoint: '/v1/chat/completions', completion_window: '24h' }),
    });
    const { id } = await read<View>(created);
    const job = await until(async () => {
      const answer = await fetch(`${gateway.simulator.url}/~simulator/jobs`);
      const { jobs } = await read<{ jobs: readonly { readonly id: string }[] }>(answer);
      const sent = (await gateway.world.batches?.world.desk.submissions('', id)) ?? [];
      return sent[0]?.state === 'open' ? jobs[0]?.id : undefined;
    });
    await gateway.simulator.finishJobs();
    const body = JSON.stringify({ batch_id: job, results: [] });
    assert.equal((await say(body, signWebhook('another secret', Buffer.from(body)))).status, 401);
    assert.equal((await say(body, '')).status, 401);
    const [still] = (await gateway.world.batches?.world.desk.submissions('', id)) ?? [];
    assert.equal(still?.state, 'open');
    const signature = signWebhook(secret, Buffer.from(body));
    assert.equal((await say(body, signature)).status, 200);
    // Twice is once.
    assert.equal((await say(body, signature)).status, 200);
    const done = await until(async () => {
      const view = await read<View>(await fetch(`${gateway.url}/v1/batches/${id}`));
      return view.status === 'completed' ? view : undefined;
    });
    assert.equal(done.status, 'completed');
  });
});
