import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { testBatchEndpoint } from '../../../test/support/batch-endpoint-suite.ts';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { asObject } from '../../core/json.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import type { BatchEndpoint, BatchJob, BatchLine, BatchResult } from '../contract.ts';
import { provider } from './index.ts';

const modelId = 'claude-haiku-4-5-20251001';

function open(baseUrl: string, settings: object = {}): BatchEndpoint {
  const parsed = provider.settings.parse({ base_url: baseUrl, api_key: 'sk-ant-test', ...settings });
  const made = provider.create('claude', parsed, { env: {}, clock: systemClock });
  const endpoint = made.batch?.(modelInfo(modelId), 'chat');
  assert.ok(endpoint !== undefined);
  return endpoint;
}

let jobs = 0;
const newJob = (items: number): BatchJob => ({
  id: `s${String(++jobs).padStart(11, '0')}`,
  items,
  bytes: items * 150,
  createdAtMs: systemClock.now(),
});

const bodyOf = (prompt: string): string =>
  JSON.stringify({ model: modelId, max_tokens: 60, messages: [{ role: 'user', content: prompt }] });

async function* linesOf(job: BatchJob, prompt = (key: number) => `[[echo]]n${key}`) {
  for (let from = 0; from < job.items; from += 100) {
    const handful: BatchLine[] = [];
    for (let key = from; key < Math.min(job.items, from + 100); key++)
      handful.push({ key, body: bodyOf(prompt(key)) });
    yield handful;
  }
}

async function allOf(results: AsyncIterable<readonly BatchResult[]>): Promise<BatchResult[]> {
  const all: BatchResult[] = [];
  for await (const handful of results) all.push(...handful);
  return all;
}

async function accepted(endpoint: BatchEndpoint, job: BatchJob): Promise<string> {
  const submitted = await endpoint.submit(job, linesOf(job));
  assert.ok(submitted.kind === 'accepted', submitted.kind);
  return submitted.handle;
}

const nobody = async (): Promise<boolean> => false;
const textOf = (body: unknown): unknown => {
  const content = asObject(body)['content'];
  return Array.isArray(content) ? asObject(content[0])['text'] : undefined;
};

testBatchEndpoint({
  name: 'anthropic',
  instance: 'anthropic',
  model: modelId,
  secret: 'sk-ant-secret-of-the-account',
  open: (url) =>
    provider.create(
      'claude',
      provider.settings.parse({ api_key: 'sk-ant-secret-of-the-account', base_url: url }),
      { env: {}, clock: systemClock },
    ),
  skips: {
    embeddings: 'the provider has none',
    'validation-failure': 'a batch never fails; each of its items does',
  },
});

describe('against the stand-in', () => {
  let simulator: Simulator;
  const plan = (rule: object = {}): void =>
    simulator.setFaults({ batches: [{ duration_ms: 60_000, ...rule }] });
  before(async () => {
    simulator = await startSimulator();
  });
  after(() => simulator.close());

  test('every item is answered under its own key, in whatever order', async () => {
    plan();
    const endpoint = open(simulator.url);
    const job = newJob(2500);
    const handle = await accepted(endpoint, job);
    const running = await endpoint.poll(handle, job);
    assert.deepEqual(running, { kind: 'running', state: 'running', nextPollMs: 10_000 });
    await simulator.finishJobs();
    assert.deepEqual(await endpoint.poll(handle, job), { kind: 'ended', how: 'completed' });
    const results = await allOf(endpoint.results(handle, job));
    assert.equal(results.length, 2500);
    assert.notDeepEqual(
      results.slice(0, 3).map((one) => one.kind === 'answered' && one.key),
      [0, 1, 2],
    );
    for (const result of results) {
      assert.ok(result.kind === 'answered');
      assert.equal(textOf(result.body), `n${result.key}`);
    }
    assert.equal(new Set(results.map((one) => one.kind === 'answered' && one.key)).size, 2500);
    const read: string[] = [];
    const first = results[0];
    assert.ok(first?.kind === 'answered');
    const made = provider.create('claude', provider.settings.parse({ api_key: 'k' }), {
      env: {},
      clock: systemClock,
    });
    made.chat?.(modelInfo(modelId)).readAnswer(first.body, (event) => read.push(event.type));
    assert.equal(read.at(-1), 'end');
  });

  test('what went wrong is told item by item, and one broken line harms no other', async () => {
    plan({ item_error: 20, item_invalid: 20, expire: 20, broken_line: 10, missing: 10 });
    const endpoint = open(simulator.url);
    const job = newJob(400);
    const handle = await accepted(endpoint, job);
    await simulator.finishJobs();
    const results = await allOf(endpoint.results(handle, job));
    const kinds = Object.groupBy(results, (one) => one.kind);
    for (const kind of ['answered', 'failed', 'expired', 'unreadable'] as const)
      assert.ok((kinds[kind]?.length ?? 0) > 10, `${kind}: ${kinds[kind]?.length}`);
    const codes = new Map(
      (kinds.failed ?? []).map((one) => [one.kind === 'failed' ? one.error.code : '', one]),
    );
    const retry = (code: string): string => {
      const one = codes.get(code);
      return one?.kind === 'failed' ? one.error.retry : 'absent';
    };
    assert.equal(retry('upstream_fault'), 'same');
    assert.equal(retry('invalid_request'), 'never');
    assert.deepEqual(await endpoint.poll(handle, job), { kind: 'ended', how: 'expired' });
  });

  test('results of another job are not taken for this one’s', async () => {
    plan();
    const endpoint = open(simulator.url);
    const job = newJob(3);
    const handle = await accepted(endpoint, job);
    await simulator.finishJobs();
    const results = await allOf(endpoint.results(handle, newJob(3)));
    assert.deepEqual(
      results.map(({ kind }) => kind),
      ['unreadable', 'unreadable', 'unreadable'],
    );
  });

  test('a cancelled job keeps what is finished; to cancel or discard it again is no error', async () => {
    plan();
    const endpoint = open(simulator.url);
    const job = newJob(10);
    const handle = await accepted(endpoint, job);
    await endpoint.poll(handle, job);
    await endpoint.cancel(handle, job);
    const status = await endpoint.poll(handle, job);
    assert.ok(status.kind === 'ended' || status.state === 'cancelling');
    await simulator.finishJobs();
    assert.deepEqual(await endpoint.poll(handle, job), { kind: 'ended', how: 'cancelled' });
    const results = await allOf(endpoint.results(handle, job));
    assert.ok(results.some(({ kind }) => kind === 'cancelled'));
    await endpoint.cancel(handle, job);
    await endpoint.discard?.(handle, job);
    await endpoint.discard?.(handle, job);
    await assert.rejects(endpoint.poll(handle, job), GatewayError);
  });

  test('a job that runs is not discarded', async () => {
    plan();
    const endpoint = open(simulator.url);
    const job = newJob(2);
    const handle = await accepted(endpoint, job);
    await assert.rejects(endpoint.discard?.(handle, job) ?? Promise.resolve(), { code: 'invalid_request' });
  });

  test('a create whose answer was lost is unsure while a suspect runs, and found once it has ended', async () => {
    plan({ lost_create: 100 });
    const endpoint = open(`${simulator.url}/~lost`);
    const job = newJob(7);
    assert.equal((await endpoint.submit(job, linesOf(job))).kind, 'unknown');
    plan();
    const other = newJob(7);
    const otherHandle = await accepted(endpoint, other);
    const shorter = newJob(6);
    const known = async (handle: string): Promise<boolean> => handle === otherHandle;
    assert.deepEqual(await endpoint.find(job, known), { kind: 'unsure', retryAfterMs: 120_000 });
    // A suspect that is another’s does not count, nor does a job of another size.
    assert.deepEqual(await endpoint.find(shorter, nobody), { kind: 'absent' });
    await simulator.finishJobs();
    const found = await endpoint.find(job, nobody);
    assert.ok(found.kind === 'found');
    assert.notEqual(found.handle, otherHandle);
    const results = await allOf(endpoint.results(found.handle, job));
    assert.ok(results.every(({ kind }) => kind === 'answered'));
    // The only one that runs and could be it is known for another's.
    plan();
    const runs = await accepted(endpoint, newJob(9));
    assert.equal((await endpoint.find(newJob(9), nobody)).kind, 'unsure');
    assert.deepEqual(await endpoint.find(newJob(9), async (handle) => handle === runs), { kind: 'absent' });
    // All that could be it has ended, and is another's.
    assert.deepEqual(await endpoint.find(newJob(7), nobody), { kind: 'absent' });
  });

  test('is looked for over all pages of the list, and no further back than it was intended', async () => {
    plan({ duration_ms: 600_000 });
    const endpoint = open(`${simulator.url}/~pages`);
    const job = newJob(1);
    const handle = await accepted(endpoint, job);
    for (let more = 0; more < 120; more++) await accepted(endpoint, newJob(2));
    await simulator.finishJobs();
    assert.deepEqual(await endpoint.find(job, nobody), { kind: 'found', handle });
    const later = { ...job, createdAtMs: job.createdAtMs + 3_600_000 };
    assert.deepEqual(await endpoint.find(later, nobody), { kind: 'absent' });
  });

  test('the version that is sent is the sync side’s, whose parameters the client’s own would refuse', async () => {
    plan();
    const endpoint = open(simulator.url);
    const job = newJob(1);
    const body = JSON.stringify({ ...JSON.parse(bodyOf('x')), temperature: 0.2 });
    const submitted = await endpoint.submit(
      job,
      (async function* () {
        yield [{ key: 0, body }];
      })(),
    );
    assert.ok(submitted.kind === 'accepted');
    await simulator.finishJobs();
    const [result] = await allOf(endpoint.results(submitted.handle, job));
    assert.equal(result?.kind, 'answered');
  });

  test('what the lines throw is thrown, and the provider has no job of it', async () => {
    plan();
    const endpoint = open(`${simulator.url}/~thrown`);
    const job = newJob(5);
    const broken = new Error('the disk is gone');
    await assert.rejects(
      endpoint.submit(
        job,
        (async function* () {
          yield [{ key: 0, body: bodyOf('x'.repeat(200_000)) }];
          throw broken;
        })(),
      ),
      broken,
    );
    assert.deepEqual(await endpoint.find(job, nobody), { kind: 'absent' });
  });

  const refusals: readonly [string, object, string, string][] = [
    ['a refused key', { kind: 'auth' }, 'refused', 'upstream_auth'],
    ['a throttle', { kind: 'rate-limit', retry_after_s: 7 }, 'refused', 'rate_limited'],
    ['a server error', { kind: 'outage', status: 500 }, 'unknown', 'upstream_fault'],
    ['an overload', { kind: 'outage', status: 529 }, 'unknown', 'upstream_overloaded'],
    ['a reset in the answer', { kind: 'reset' }, 'unknown', 'upstream_unreachable'],
    ['a page instead of an answer', { kind: 'html' }, 'unknown', 'upstream_malformed'],
  ];
  for (const [what, fault, kind, code] of refusals)
    test(`${what} is ${kind}`, async () => {
      simulator.setFaults({ faults: [fault] });
      const job = newJob(2);
      const submitted = await open(simulator.url).submit(job, linesOf(job));
      assert.ok(submitted.kind !== 'accepted');
      assert.deepEqual([submitted.kind, submitted.error.code], [kind, code]);
      if (code === 'rate_limited') assert.equal(submitted.error.retryAfterMs, 7000);
    });

  test('is for chat alone, and without a key refused before anything is sent', async () => {
    const made = provider.create('claude', provider.settings.parse({}), { env: {}, clock: systemClock });
    assert.equal(made.batch?.(modelInfo(modelId), 'embedding'), undefined);
    const endpoint = made.batch?.(modelInfo(modelId), 'chat');
    assert.ok(endpoint !== undefined);
    const job = newJob(1);
    await assert.rejects(endpoint.poll('msgbatch_1', job), { code: 'upstream_auth' });
    const submitted = await endpoint.submit(job, linesOf(job));
    assert.ok(submitted.kind === 'refused');
    assert.equal(submitted.error.code, 'upstream_auth');
  });
});

describe('on the wire', () => {
  async function withServer(
    serve: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
    work: (url: string) => Promise<void>,
  ): Promise<void> {
    const server = createServer(serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    try {
      await work(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const accept = (outgoing: ServerResponse): void => {
    outgoing.setHeader('content-type', 'application/json');
    outgoing.end('{"id":"msgbatch_01","type":"message_batch"}');
  };

  test('bodies go out byte for byte, cache markers and all, behind a path prefix', async () => {
    let seen = '';
    let path = '';
    await withServer(
      async (incoming, outgoing) => {
        path = incoming.url ?? '';
        for await (const chunk of incoming) seen += chunk;
        accept(outgoing);
      },
      async (url) => {
        const job = newJob(2);
        const marked =
          '{ "messages":[{"role":"user","content":[{"type":"text","text":"é","cache_control":{"type":"ephemeral","ttl":"1h"}}]}] }';
        const submitted = await open(`${url}/team/`).submit(
          job,
          (async function* () {
            yield [{ key: 0, body: marked }];
            yield [{ key: 41, body: '{}' }];
          })(),
        );
        assert.deepEqual(submitted, { kind: 'accepted', handle: 'msgbatch_01' });
        assert.equal(path, '/team/v1/messages/batches');
        assert.equal(
          seen,
          `{"requests":[{"custom_id":"${job.id}-0","params":${marked}},{"custom_id":"${job.id}-41","params":{}}]}`,
        );
      },
    );
  });

  test('a body of 60 MB is not held in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    assert.ok(typeof collect === 'function');
    const live = (): number => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const text = 'x'.repeat(20_000);
    let heldBefore = 0;
    await withServer(
      async (incoming, outgoing) => {
        // The request is still open, so whatever is kept of its body is kept now.
        let bytes = 0;
        for await (const chunk of incoming) bytes += chunk.length;
        const held = live() - heldBefore;
        outgoing.setHeader('x-held', held);
        assert.ok(bytes > 60_000_000);
        outgoing.end(JSON.stringify({ id: held < 40_000_000 ? 'flat' : `held ${held} bytes` }));
      },
      async (url) => {
        const endpoint = open(url);
        const job = newJob(3000);
        heldBefore = live();
        const submitted = await endpoint.submit(
          job,
          linesOf(job, () => text),
        );
        assert.deepEqual(submitted, { kind: 'accepted', handle: 'flat' });
      },
    );
  });
  test('a host that is not there has surely no job', async () => {
    const job = newJob(1);
    let gone = '';
    await withServer(
      () => {},
      async (url) => {
        gone = url;
      },
    );
    const submitted = await open(gone).submit(job, linesOf(job));
    assert.ok(submitted.kind === 'refused', submitted.kind);
    assert.equal(submitted.error.code, 'upstream_unreachable');
  });

  test('a connection that breaks in the middle of the body leaves no job', async () => {
    await withServer(
      (incoming) => incoming.once('data', () => incoming.destroy()),
      async (url) => {
        const job = newJob(2000);
        const submitted = await open(url).submit(
          job,
          linesOf(job, () => 'y'.repeat(20_000)),
        );
        assert.equal(submitted.kind, 'refused');
      },
    );
  });

  test('a key follows no redirect', async () => {
    let calls = 0;
    await withServer(
      (incoming, outgoing) => {
        calls += 1;
        incoming.resume();
        outgoing.writeHead(302, { location: '/elsewhere' }).end();
      },
      async (url) => {
        await assert.rejects(open(url).poll('msgbatch_1', newJob(1)), GatewayError);
        assert.equal(calls, 1);
      },
    );
  });

  test('results that break off are an error after what had come', async () => {
    const job = newJob(2);
    const line = JSON.stringify({ custom_id: `${job.id}-0`, result: { type: 'canceled' } });
    await withServer(
      (_incoming, outgoing) => {
        outgoing.writeHead(200, { 'content-length': 10_000 });
        outgoing.write(`${line}\n{"custom`);
        setImmediate(() => setImmediate(() => outgoing.destroy()));
      },
      async (url) => {
        const seen: BatchResult[] = [];
        await assert.rejects(async () => {
          for await (const handful of open(url).results('msgbatch_1', job)) seen.push(...handful);
        }, GatewayError);
        assert.deepEqual(seen, [{ kind: 'cancelled', key: 0 }]);
      },
    );
  });
});
