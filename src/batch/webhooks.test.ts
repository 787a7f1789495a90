import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { createFakeClock } from '../../test/support/clock.ts';
import type { Delivery, DeliveryRows } from '../stores/batch/contract.ts';
import type { Batch } from './contract.ts';
import { nothingDone } from './nothing-done.ts';
import { isPublicAddress, webhookUrlProblem } from './webhooks/address.ts';
import { deliveryOf } from './webhooks/message.ts';
import type { Lookup } from './webhooks/send.ts';
import { createWebhooks, outcome } from './webhooks.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const dayMs = 86_400_000;

/** As the store keeps them. */
function memoryRows() {
  const rows = new Map<string, Delivery>();
  const heldUntil = new Map<string, number>();
  const deliveries: DeliveryRows = {
    async add(delivery) {
      if (!rows.has(delivery.id)) rows.set(delivery.id, delivery);
    },
    async claim(nowMs, leaseMs, limit) {
      const due = [...rows.values()].filter(
        (row) =>
          row.deliveredAtMs === undefined &&
          row.givenUpAtMs === undefined &&
          row.dueAtMs <= nowMs &&
          (heldUntil.get(row.id) ?? 0) <= nowMs,
      );
      for (const row of due.slice(0, limit)) heldUntil.set(row.id, nowMs + leaseMs);
      return due.slice(0, limit);
    },
    async record(delivery) {
      rows.set(delivery.id, delivery);
      heldUntil.delete(delivery.id);
    },
    prune: () => Promise.resolve(0),
    ofBatch: async (no) => [...rows.values()].filter((row) => row.batchNo === no),
  };
  return { deliveries, rows, only: () => [...rows.values()][0] };
}

interface Got {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A real receiver; `answer` says what it does. */
async function receiver(answer: (response: ServerResponse, got: Got) => void) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const one = {
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(parts).toString(),
      };
      got.push(one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // It listens on a port, not on a pipe.
  return { got, port, url: `http://127.0.0.1:${port}/hook?a=1` };
}

function batchOf(url: string, shape = 'openai'): Batch {
  return {
    id: 'batch_1',
    no: 1,
    owner: 'team',
    shape,
    endpoint: '/v1/chat/completions',
    inputBlob: 'b',
    inputBytes: 1,
    windowMs: dayMs,
    metadata: { from: 'batch' },
    tags: [],
    priority: 'low',
    webhook: { url, metadata: { order: '7' } },
    state: 'completed',
    ...nothingDone,
    counts: { total: 5, done: 2, failed: 1, cancelled: 1, expired: 1 },
    assembledLines: 5,
    assembledBytes: 1,
    createdAtMs: 0,
    deadlineAtMs: dayMs,
    endedAtMs: 1_000_000,
  };
}

function setup(options: { allowPrivate?: boolean; lookup?: Lookup; secret?: string | undefined } = {}) {
  const clock = createFakeClock(Date.UTC(2026, 10, 21));
  const store = memoryRows();
  const warnings: object[] = [];
  const webhooks = createWebhooks({
    rows: store.deliveries,
    settings: {
      secret: 'secret' in options ? options.secret : secret,
      jobsSignatureHeader: 'X-Holysheep-Signature',
      allowPrivate: options.allowPrivate ?? true,
    },
    clock,
    random: () => 0.5,
    log: { warn: (fields) => void warnings.push(fields) },
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  });
  /** As whoever ends a batch does. */
  const announce = async (batch: Batch, jobResults?: string): Promise<void> => {
    const delivery = deliveryOf(batch, clock.now(), jobResults);
    if (delivery !== undefined) await store.deliveries.add(delivery);
  };
  return { clock, webhooks: { ...webhooks, announce }, warnings, ...store };
}

describe('a webhook', () => {
  test('is told once that its batch has ended, signed as Standard Webhooks has it', async () => {
    const { got, url } = await receiver((response) => response.writeHead(204).end());
    const { clock, webhooks, rows, only } = setup();
    await webhooks.announce(batchOf(url));
    await webhooks.announce(batchOf(url));
    assert.equal(rows.size, 1);
    assert.equal(await webhooks.deliverDue(), 1);
    assert.equal(await webhooks.deliverDue(), 0);
    assert.equal(got.length, 1);
    const [one] = got;
    assert.ok(one);
    assert.equal(one.path, '/hook?a=1');
    assert.deepEqual(JSON.parse(one.body), {
      type: 'batch.completed',
      timestamp: '1970-01-01T00:16:40.000Z',
      data: {
        batch_id: 'batch_1',
        status: 'completed',
        counts: { total: 5, completed: 2, failed: 1, cancelled: 1, expired: 1 },
        metadata: { order: '7' },
      },
    });
    assert.equal(one.headers['webhook-timestamp'], `${clock.now() / 1000}`);
    assert.equal(one.headers['webhook-id'], only()?.id);
    assert.equal(one.headers['x-holysheep-signature'], undefined);
    const signature = new Webhook(secret).sign(only()?.id ?? '', new Date(clock.now()), one.body);
    assert.equal(one.headers['webhook-signature'], signature);
    const { deliveredAtMs, tries, lastStatus, lastError } = only() ?? {};
    assert.deepEqual([deliveredAtMs, tries, lastStatus, lastError], [clock.now(), 1, 204, undefined]);
    assert.equal(clock.pending(), 0);
  });

  test('of the jobs shape gets the results, with the hex signature of the body', async () => {
    const { got, url } = await receiver((response) => response.end());
    const { webhooks } = setup();
    await webhooks.announce(batchOf(url, 'jobs'), '[{"id":"ä"}]');
    await webhooks.deliverDue();
    assert.equal(got[0]?.body, '{"batch_id":"batch_1","results":[{"id":"ä"}]}');
    assert.equal(
      got[0]?.headers['x-holysheep-signature'],
      createHmac('sha256', secret)
        .update(got[0]?.body ?? '')
        .digest('hex'),
    );
    assert.match(String(got[0]?.headers['webhook-signature']), /^v1,/);
  });

  test('without a secret is sent unsigned; a batch without webhook sends nothing', async () => {
    const { got, url } = await receiver((response) => response.end());
    const { webhooks, rows } = setup({ secret: undefined });
    const { webhook: _none, ...silent } = batchOf(url);
    await webhooks.announce(silent);
    assert.equal(rows.size, 0);
    await webhooks.announce(batchOf(url));
    await webhooks.deliverDue();
    assert.equal(got[0]?.headers['webhook-signature'], undefined);
  });

  test('that fails is told again, with one id and a new signature, until it answers', async () => {
    const answers = [500, 302, 429, 200];
    const { got, url } = await receiver((response) =>
      response.writeHead(answers.shift() ?? 200, { location: 'http://127.0.0.1:1/' }).end(),
    );
    const { clock, webhooks, only } = setup();
    await webhooks.announce(batchOf(url));
    for (const waitMs of [5_000, 20_000, 80_000]) {
      assert.equal(await webhooks.deliverDue(), 1);
      assert.equal(only()?.dueAtMs, clock.now() + waitMs);
      await clock.advance(waitMs - 1);
      assert.equal(await webhooks.deliverDue(), 0);
      await clock.advance(1);
    }
    assert.equal(await webhooks.deliverDue(), 1);
    assert.equal(new Set(got.map(({ headers }) => headers['webhook-id'])).size, 1);
    assert.equal(new Set(got.map(({ headers }) => headers['webhook-signature'])).size, 4);
    assert.deepEqual([only()?.tries, only()?.lastStatus, only()?.lastError], [4, 200, undefined]);
  });

  test('that is silent is left after 15 s', async () => {
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { url } = await receiver(() => arrived());
    const { clock, webhooks, only } = setup();
    await webhooks.announce(batchOf(url));
    const delivering = webhooks.deliverDue();
    await arrival;
    await clock.advance(14_999);
    assert.equal(only()?.tries, 0);
    await clock.advance(1);
    await delivering;
    assert.deepEqual([only()?.tries, only()?.lastError], [1, 'timeout']);
  });

  test('that answers without end is cut off, and its status counts', async () => {
    const { url } = await receiver((response) => {
      response.writeHead(200);
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', write);
      write();
    });
    const { webhooks, only } = setup();
    await webhooks.announce(batchOf(url));
    await webhooks.deliverDue();
    assert.equal(only()?.lastStatus, 200);
    assert.notEqual(only()?.deliveredAtMs, undefined);
  });

  test('that is gone, or stays down for a day, is given up, and that is logged without its URL', async () => {
    const { url } = await receiver((response) => response.writeHead(410).end());
    const gone = setup();
    await gone.webhooks.announce(batchOf(url));
    await gone.webhooks.deliverDue();
    assert.notEqual(gone.only()?.givenUpAtMs, undefined);
    assert.ok(!JSON.stringify(gone.warnings).includes('hook'));
    assert.equal(gone.warnings.length, 1);

    const down = setup();
    await down.webhooks.announce(batchOf('http://127.0.0.1:1/'));
    let tries = 0;
    for (let round = 0; round < 100 && down.only()?.givenUpAtMs === undefined; round++) {
      tries += await down.webhooks.deliverDue();
      await down.clock.advance(3_600_000);
    }
    assert.equal(down.only()?.lastError, 'ECONNREFUSED');
    assert.ok(tries >= 24 && tries <= 30, `${tries}`);
  });

  test('waits grow to an hour, differ by chance, and end with the day', () => {
    const delivery = { id: 'a', batchNo: 1, url: '', body: '', tries: 0, dueAtMs: 0, createdAtMs: 0 };
    const failed = { kind: 'answered', status: 503 } as const;
    assert.equal(outcome(delivery, failed, 0, () => 0).dueAtMs, 4000);
    assert.equal(outcome(delivery, failed, 0, () => 1).dueAtMs, 6000);
    assert.equal(outcome({ ...delivery, tries: 20 }, failed, 0, () => 0.5).dueAtMs, 3_600_000);
    assert.equal(
      outcome({ ...delivery, tries: 20 }, failed, dayMs - 3_600_000, () => 0.5).givenUpAtMs,
      undefined,
    );
    assert.equal(
      outcome({ ...delivery, tries: 20 }, failed, dayMs - 3_599_999, () => 0.5).givenUpAtMs,
      dayMs - 3_599_999,
    );
  });
});

describe('where a webhook may not lead', () => {
  const refused = [
    ...[
      'http://127.0.0.1/',
      'http://localhost:8080/',
      'http://a.localhost/',
      'http://localhost./',
      'http://0/',
    ],
    ...['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://127.1/', 'http://[::1]/'],
    ...[
      'http://[::ffff:127.0.0.1]/',
      'http://[::ffff:7f00:1]/',
      'http://[::]/',
      'http://[fe80::1]/',
      'http://[fd00:ec2::254]/',
    ],
    ...[
      'http://[64:ff9b::7f00:1]/',
      'http://[2002:7f00:1::]/',
      'http://[2001:0:7f00:1::]/',
      'http://[::127.0.0.1]/',
    ],
    ...[
      'http://169.254.169.254/latest/',
      'http://10.1.2.3/',
      'http://172.31.0.1/',
      'http://192.168.1.1/',
      'http://100.100.100.200/',
    ],
    ...[
      'http://168.63.129.16/',
      'http://224.0.0.1/',
      'http://255.255.255.255/',
      'http://metadata.google.internal/',
      'http://redis/',
    ],
    ...[
      'https://user:word@example.com/',
      'https://user@example.com/',
      'ftp://example.com/',
      'file:///etc/passwd',
      'example.com',
      '',
    ],
    ...['http://１２７.0.0.1/', 'http://127。0。0。1/', `https://example.com/${'x'.repeat(3000)}`],
  ];
  for (const url of refused) {
    test(`is told: ${url.slice(0, 60) || 'nothing'}`, () => {
      assert.match(webhookUrlProblem(url, false) ?? '', /^The webhook.*\.$/);
    });
  }

  test('leaves the open internet, and all of it where the operator says so', () => {
    for (const url of ['https://example.com/a?b', 'http://8.8.8.8:8080/', 'https://[2606:4700::1111]/'])
      assert.equal(webhookUrlProblem(url, false), undefined, url);
    assert.equal(webhookUrlProblem('http://127.0.0.1:1/', true), undefined);
    assert.match(webhookUrlProblem('http://u:p@127.0.0.1:1/', true) ?? '', /password/);
    assert.ok(isPublicAddress('::ffff:8.8.8.8') && !isPublicAddress('::ffff:10.0.0.1'));
    assert.ok(!isPublicAddress('fe80::1%eth0') && !isPublicAddress(''));
  });

  const leading =
    (...addresses: readonly string[]): Lookup =>
    (_name, _options, callback) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );

  test('is seen when its name leads there, first or last, and nothing is sent', async () => {
    const { got, port } = await receiver((response) => response.end());
    for (const addresses of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['::1'], []]) {
      const { webhooks, only } = setup({ allowPrivate: false, lookup: leading(...addresses) });
      await webhooks.announce(batchOf(`http://hooks.example.com:${port}/`));
      await webhooks.deliverDue();
      assert.equal(only()?.lastError, 'refused_address');
      assert.equal(only()?.givenUpAtMs, undefined);
    }
    assert.equal(got.length, 0);
  });

  test('is the name’s own address where that is allowed', async () => {
    const { got, port } = await receiver((response) => response.end());
    const { webhooks, only } = setup({ lookup: leading('127.0.0.1') });
    await webhooks.announce(batchOf(`http://hooks.example.com:${port}/`));
    await webhooks.deliverDue();
    assert.equal(only()?.lastStatus, 200);
    assert.equal(got[0]?.headers.host, `hooks.example.com:${port}`);
  });

  test('is refused for good where the URL itself says so, whatever was stored', async () => {
    const { got, url } = await receiver((response) => response.end());
    const { webhooks, only } = setup({ allowPrivate: false });
    await webhooks.announce(batchOf(url));
    await webhooks.deliverDue();
    assert.equal(only()?.lastError, 'refused_address');
    assert.notEqual(only()?.givenUpAtMs, undefined);
    assert.equal(got.length, 0);
  });
});
