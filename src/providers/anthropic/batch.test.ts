import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { testBatchEndpoint } from '../../../test/support/batch-endpoint-suite.ts';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { asObject } from '../../core/json.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import type { BatchEndpoint, BatchJob, BatchResult } from '../contract.ts';
import { bodyOf, linesOf, modelId, newJob, open } from './fixtures/batches.ts';
import { provider } from './index.ts';

async function allOf(results: AsyncIterable<readonly BatchResult[]>): Promise<BatchResult[]> {
  const all: BatchResult[] = [];
  for await (const handful of results) all.push(...handful);
  return all;
}

const nobody = async (): Promise<boolean> => false;

const textOf = (body: unknown): unknown => {
  const content = asObject(body)['content'];
  return Array.isArray(content) ? asObject(content[0])['text'] : undefined;
};

async function accepted(endpoint: BatchEndpoint, job: BatchJob): Promise<string> {
  const submitted = await endpoint.submit(job, linesOf(job));
  assert.ok(submitted.kind === 'accepted', submitted.kind);
  return submitted.handle;
}

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
