/** What comes after the end of a batch: who is told, and what is kept. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { echoLines, type Road, startRoad } from '../../test/support/road.ts';

let road: Road | undefined;
let receiver: Server | undefined;
afterEach(async () => {
  await road?.close();
  receiver?.closeAllConnections();
  receiver?.close();
  road = undefined;
  receiver = undefined;
});

const yaml = 'routes:\n  one: { chain: [openai/gpt-4.1-nano@batch] }\n';
const secret = `whsec_${Buffer.from('a secret of thirty-two bytes, so.').toString('base64')}`;

interface Heard {
  readonly headers: Record<string, string>;
  readonly body: string;
}

async function listen(heard: Heard[]): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
      );
      heard.push({ headers, body: Buffer.concat(chunks).toString('utf8') });
      outgoing.end();
    });
  });
  receiver = server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: AddressInfo | string | null = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook`;
}

describe('a webhook', () => {
  test('is told of the end, once, by a message that is signed', async () => {
    const heard: Heard[] = [];
    const url = await listen(heard);
    road = await startRoad({ yaml, batch: { webhooks: { secret, allow_private: true } } });
    const id = await road.submit(echoLines(3, 'one'), {
      fields: { webhook: { url, metadata: { run: 'nightly' } } },
    });
    await road.ended(id);
    const message = await road.until('it is told', async () => heard[0]);
    const told = Object(new Webhook(secret).verify(message.body, message.headers));
    assert.equal(told.type, 'batch.completed');
    assert.equal(told.data.batch_id, id);
    assert.deepEqual(told.data.metadata, { run: 'nightly' });
    assert.deepEqual(told.data.counts, { total: 3, completed: 3, failed: 0, cancelled: 0, expired: 0 });
    assert.throws(() => new Webhook(secret).verify(`${message.body} `, message.headers));
    const { no } = await road.row(id);
    const opened = road;
    await road.until('it is written down', async () =>
      (await opened.stores.batch.deliveries.ofBatch(no)).every(
        ({ deliveredAtMs }) => deliveredAtMs !== undefined,
      ),
    );
    assert.equal(heard.length, 1);
  });

  test('of this machine or a private network is refused, and nothing is kept of the batch', async () => {
    road = await startRoad({ yaml });
    const opened = road;
    for (const url of ['http://127.0.0.1:1/hook', 'http://10.0.0.7/hook', 'http://169.254.169.254/latest'])
      await assert.rejects(
        opened.submit(echoLines(1, 'one'), { fields: { webhook: { url } } }),
        /400 .*(private network|https)/,
      );
    assert.equal(await road.stores.batch.batches.byNo(1), undefined);
  });
});
