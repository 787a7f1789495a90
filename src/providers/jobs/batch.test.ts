import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { testBatchEndpoint } from '../../../test/support/batch-endpoint-suite.ts';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { startSimulator } from '../../simulator/server.ts';
import type { BatchEndpoint, BatchJob, BatchLine, BatchResult } from '../contract.ts';
import { provider } from './index.ts';

const model = modelInfo('reseller-large');

function open(baseUrl: string, settings: object = {}, env: Record<string, string> = {}): BatchEndpoint {
  const parsed = provider.settings.parse({ base_url: `${baseUrl}/v1`, ...settings });
  const made = provider.create('jobs', parsed, { env, clock: systemClock });
  const endpoint = made.batch?.(model, 'chat');
  assert.ok(endpoint !== undefined);
  return endpoint;
}

testBatchEndpoint({
  name: 'jobs',
  instance: 'jobs',
  model: model.id,
  secret: 'key-secret-of-the-account',
  open: (url) =>
    provider.create(
      'jobs',
      provider.settings.parse({ api_key: 'key-secret-of-the-account', base_url: `${url}/v1` }),
      { env: {}, clock: systemClock },
    ),
  skips: {
    embeddings: 'the API has none',
    sync: 'the API has no sync calls',
    'expired-items': 'what was not done is not told',
    cancel: 'the API has no such call',
    'cancelled-items': 'the API has no such call',
    find: 'the API has no list',
    'lost-create': 'the API has no list',
    'create-error': 'the API has no list',
    discard: 'the API has no such call',
  },
});

const newJob = (items: number): BatchJob => ({
  id: 's0000000job1',
  items,
  bytes: items * 100,
  createdAtMs: systemClock.now(),
});
async function* linesOf(...bodies: readonly object[]): AsyncGenerator<readonly BatchLine[]> {
  yield bodies.map((body, key) => ({ key, body: JSON.stringify(body) }));
}

interface Seen {
  readonly calls: string[];
  body: string;
  keys: (string | undefined)[];
}

async function withServer(
  answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
  work: (url: string, seen: Seen) => Promise<void>,
): Promise<void> {
  const seen: Seen = { calls: [], body: '', keys: [] };
  const server = createServer(async (incoming, outgoing) => {
    seen.calls.push(`${incoming.method} ${incoming.url}`);
    seen.keys.push(incoming.headers.authorization);
    let body = '';
    for await (const chunk of incoming) body += chunk;
    if (body !== '') seen.body = body;
    outgoing.setHeader('content-type', 'application/json');
    answer(incoming, outgoing);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  try {
    await work(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, seen);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const accepts = (_incoming: IncomingMessage, outgoing: ServerResponse): void => {
  outgoing.end('{"batch_id":"b1"}');
};
const key = { api_key: 'k1' };
const json = { type: 'json_object' };

describe('a submission', () => {
  test('holds the model, the items by id, and a format that all of them want', async () => {
    await withServer(accepts, async (url, seen) => {
      const settings = { ...key, webhook: { url: 'https://gateway.example/hook' } };
      const items = [
        { content: 'a "b"', task: 't', response_format: json },
        { content: 'c', response_format: json },
      ];
      assert.deepEqual(await open(url, settings).submit(newJob(2), linesOf(...items)), {
        kind: 'accepted',
        handle: 'b1',
      });
      assert.deepEqual(JSON.parse(seen.body), {
        model: model.id,
        items: [
          { id: 's0000000job1-0', content: 'a "b"', task: 't' },
          { id: 's0000000job1-1', content: 'c' },
        ],
        response_format: json,
        webhook: 'https://gateway.example/hook',
      });
      assert.deepEqual(seen.calls, ['POST /v1/batch/jobs']);
    });
  });

  test('forces no format on items that do not want it', async () => {
    await withServer(accepts, async (url, seen) => {
      await open(url, key).submit(
        newJob(2),
        linesOf({ content: 'a', response_format: json }, { content: 'b' }),
      );
      assert.deepEqual(Object.keys(JSON.parse(seen.body)), ['model', 'items']);
    });
  });

  test('of a large job checks the key first, and uploads nothing for one that is refused', async () => {
    const refuses = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      if (incoming.url === '/v1/auth/validate') outgoing.writeHead(401).end('{"error":"invalid key"}');
      else outgoing.end('{"batch_id":"b1"}');
    };
    await withServer(refuses, async (url, seen) => {
      const submitted = await open(url, key).submit(newJob(600), linesOf({ content: 'a' }));
      assert.ok(submitted.kind === 'refused');
      assert.equal(submitted.error.code, 'upstream_auth');
      assert.deepEqual(seen.calls, ['GET /v1/auth/validate']);
    });
  });

  test('goes on where there is nothing to check a key with', async () => {
    const lacks = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      if (incoming.url === '/v1/check') outgoing.writeHead(404).end('{}');
      else outgoing.end('{"batch_id":7}');
    };
    await withServer(lacks, async (url, seen) => {
      const settings = { ...key, paths: { validate: '/check', submit: '/send', poll: '/state/{id}' } };
      const endpoint = open(url, settings);
      const submitted = await endpoint.submit(newJob(600), linesOf({ content: 'a' }));
      assert.deepEqual(submitted, { kind: 'accepted', handle: '7' });
      await endpoint.poll('7/8', newJob(1)).catch(() => {});
      assert.deepEqual(seen.calls, ['GET /v1/check', 'POST /v1/send', 'GET /v1/state/7%2F8']);
    });
  });

  test('takes a key that was changed since', async () => {
    await withServer(accepts, async (url, seen) => {
      const env = { JOBS_API_KEY: 'old' };
      const endpoint = open(url, {}, env);
      await endpoint.submit(newJob(1), linesOf({ content: 'a' }));
      env.JOBS_API_KEY = 'new';
      await endpoint.submit(newJob(1), linesOf({ content: 'a' }));
      assert.deepEqual(seen.keys, ['Bearer old', 'Bearer new']);
    });
  });

  for (const [what, status, body, kind] of [
    ['without an id in its answer', 200, '{}', 'unknown'],
    ['answered by a page', 200, '<html>', 'unknown'],
    ['answered by a server error', 503, '{}', 'unknown'],
    ['answered by a conflict', 409, '{}', 'unknown'],
    ['out of money', 402, '{"error":"insufficient balance"}', 'refused'],
  ] as const)
    test(`${what} is ${kind}, and never sent twice`, async () => {
      await withServer(
        (_incoming, outgoing) => outgoing.writeHead(status).end(body),
        async (url, seen) => {
          const submitted = await open(url, key).submit(newJob(1), linesOf({ content: 'a' }));
          assert.equal(submitted.kind, kind);
          assert.equal(seen.calls.length, 1);
        },
      );
    });

  test('whose answer was lost is never said to be absent, since nothing can tell', async () => {
    await withServer(accepts, async (url, seen) => {
      const found = await open(url, key).find(newJob(1), async () => false);
      assert.deepEqual(found, { kind: 'unsure', retryAfterMs: 600_000 });
      assert.deepEqual(seen.calls, []);
    });
  });
});

describe('a poll', () => {
  const cases: readonly [string, string, object][] = [
    ['that runs', '{"status":"processing"}', { kind: 'running', state: 'running', nextPollMs: 7_000 }],
    [
      'of an unknown word',
      '{"status":"pondering"}',
      { kind: 'running', state: 'running', nextPollMs: 7_000 },
    ],
    ['that is done', '{"results":[{"id":"x"}],"status":"completed"}', { kind: 'ended', how: 'completed' }],
  ];
  for (const [what, body, status] of cases)
    test(`tells of a job ${what}`, async () => {
      await withServer(
        (_incoming, outgoing) => outgoing.end(body),
        async (url) => assert.deepEqual(await open(url, key).poll('b1', newJob(400)), status),
      );
    });

  test('tells why a job failed', async () => {
    await withServer(
      (_incoming, outgoing) => outgoing.end('{"status":"failed","error":"insufficient credits"}'),
      async (url) => {
        const status = await open(url, key).poll('b1', newJob(1));
        assert.ok(status.kind === 'ended' && status.how === 'failed');
        assert.equal(status.error?.code, 'quota_exhausted');
      },
    );
  });

  test('that breaks off is an error, not an end', async () => {
    await withServer(
      (_incoming, outgoing) => outgoing.end('{"status":"completed","results":[{"id":"s0'),
      async (url) => {
        const endpoint = open(url, key);
        await assert.rejects(endpoint.poll('b1', newJob(1)), { code: 'upstream_truncated' });
        await assert.rejects(async () => {
          for await (const _ of endpoint.results('b1', newJob(1)));
        }, GatewayError);
      },
    );
  });
});

test('results are told by id: answers in any of the known fields, errors, and what is not ours', async () => {
  const id = (n: number): string => `s0000000job1-${n}`;
  const results = [
    { id: id(4), content: 'four', usage: { prompt_tokens: 3, completion_tokens: 2 } },
    { id: id(0), output: { label: 'x' } },
    { id: id(1), error: { message: 'rate limit', code: 'rate_limit_exceeded' } },
    { id: id(2), error: null },
    { id: 'sothersjobs1-3', content: 'not ours' },
    'half a li',
    {
      id: id(3),
      choices: [{ index: 0, message: { role: 'assistant', content: 'as chat' }, finish_reason: 'length' }],
    },
  ];
  await withServer(
    (_incoming, outgoing) => outgoing.end(JSON.stringify({ status: 'completed', results })),
    async (url) => {
      const all: BatchResult[] = [];
      for await (const handful of open(url, key).results('b1', newJob(5))) all.push(...handful);
      assert.deepEqual(
        all.map((one) => [one.kind, one.kind === 'unreadable' ? undefined : one.key]),
        [
          ['answered', 4],
          ['answered', 0],
          ['failed', 1],
          ['failed', 2],
          ['unreadable', undefined],
          ['unreadable', undefined],
          ['answered', 3],
        ],
      );
      const made = provider.create('jobs', provider.settings.parse({ base_url: url }), {
        env: {},
        clock: systemClock,
      });
      const read = (body: unknown): string => {
        let text = '';
        made.chat?.(model).readAnswer(body, (event) => {
          if (event.type === 'block-delta') text += event.text;
          if (event.type === 'usage') text += ` (${event.usage.inputTokens})`;
        });
        return text;
      };
      const texts = all.flatMap((one) => (one.kind === 'answered' ? [read(one.body)] : []));
      assert.deepEqual(texts, ['four (3)', '{"label":"x"}', 'as chat']);
    },
  );
});

test('the stand-in calls back, signed', async () => {
  const { isSigned } = await import('./webhook.ts');
  const { webhookSecret } = await import('../../simulator/batches/jobs.ts');
  const simulator = await startSimulator();
  const heard = Promise.withResolvers<{ readonly signature: string | undefined; readonly body: Buffer }>();
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    outgoing.end();
    const signature = incoming.headers['x-holysheep-signature'];
    heard.resolve({ signature: signature?.toString(), body: Buffer.concat(chunks) });
  }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/hook`;
    const submitted = await open(simulator.url, { ...key, webhook: { url } }).submit(
      newJob(1),
      linesOf({ content: '[[echo]]hello' }),
    );
    assert.ok(submitted.kind === 'accepted');
    await simulator.finishJobs();
    const call = await heard.promise;
    assert.ok(isSigned(call, webhookSecret));
    const told = JSON.parse(call.body.toString());
    assert.deepEqual([told.batch_id, told.results[0].content], [submitted.handle, 'hello']);
    const outside = { ...key, webhook: { url: 'https://elsewhere.example/hook' } };
    const refused = await open(simulator.url, outside).submit(newJob(1), linesOf({ content: 'a' }));
    assert.equal(refused.kind, 'refused');
  } finally {
    server.closeAllConnections();
    server.close();
    await simulator.close();
  }
});
