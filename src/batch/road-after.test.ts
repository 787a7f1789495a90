/** What comes after the end of a batch: who is told, and what is kept. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { echoLines, type Road, startRoad } from '../../test/support/road.ts';
import { systemClock } from '../core/clock.ts';
import { openBlobs } from '../stores/blobs.ts';
import { defaultBatchSettings } from './settings.ts';
import { sweep } from './sweep.ts';

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

describe('what is kept no longer', () => {
  const day = 86_400_000;
  const files = async (opened: Road): Promise<readonly string[]> =>
    (await readdir(opened.blobs, { recursive: true, withFileTypes: true }))
      .filter((one) => one.isFile())
      .map(({ name }) => name);

  async function sweepAt(opened: Road, atMs: number): Promise<number> {
    return sweep({
      clock: { ...systemClock, now: () => atMs },
      settings: () => ({ ...defaultBatchSettings, keepMs: 10 * day }),
      rows: opened.stores.batch,
      blobs: await openBlobs(opened.blobs),
    });
  }

  test('goes with its rows and blobs, and not before', async () => {
    road = await startRoad({ yaml, batch: { keep: '10d' } });
    const id = await road.submit(echoLines(3, 'one'));
    const { no, endedAtMs = 0, outputs } = await road.ended(id);
    assert.equal(await sweepAt(road, endedAtMs + 9 * day), 0);
    assert.ok((await files(road)).length >= 3, 'lines, answers, results');
    assert.ok((await sweepAt(road, endedAtMs + 11 * day)) > 0);
    assert.deepEqual(await files(road), []);
    assert.equal(await road.stores.batch.batches.byNo(no), undefined);
    assert.deepEqual(await road.stores.batch.items.page(no, 0, 10), []);
    assert.equal(await road.stores.batch.files.get('', outputs['output'] ?? '', 0), undefined);
  });

  test('is never the lines of a batch that is there, whatever becomes of their file', async () => {
    road = await startRoad({ yaml, batch: { keep: '10d' }, faults: { batches: [{ stuck: 100 }] } });
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set(
      'file',
      new Blob([
        `${echoLines(3, 'one')
          .map((line) => JSON.stringify(line))
          .join('\n')}\n`,
      ]),
      'lines.jsonl',
    );
    const uploaded = await fetch(`${road.url}/v1/files`, { method: 'POST', body: form });
    const { id: fileId } = Object(await uploaded.json());
    const created = await fetch(`${road.url}/v1/batches`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        input_file_id: fileId,
        endpoint: '/v1/chat/completions',
        completion_window: '24h',
      }),
    });
    assert.equal(created.status, 200, await created.text());
    const { batches, submissions } = road.stores.batch;
    await road.until('it is sent', async () =>
      (await submissions.ofBatch(1)).some(({ state }) => state === 'open'),
    );
    assert.equal(await sweepAt(road, Date.now() + 11 * day), 1, 'the file, as such');
    await road.control('POST', 'jobs/finish');
    const done = await road.until('it ends', async () => {
      const batch = await batches.byNo(1);
      return batch?.state === 'completed' && batch;
    });
    assert.equal(done.counts.done, 3);
    await sweepAt(road, (done.endedAtMs ?? 0) + 11 * day);
    assert.deepEqual(await files(road), [], 'and they go with the batch');
  });
});
