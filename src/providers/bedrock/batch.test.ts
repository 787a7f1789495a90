import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import type { BatchEndpoint, BatchJob, BatchLine, BatchResult, JobStatus, Provider } from '../contract.ts';
import { provider } from './index.ts';

const claude = 'us.anthropic.claude-haiku-4-5-20251001-v1:0';
const nova = 'us.amazon.nova-micro-v1:0';
const role = 'arn:aws:iam::111122223333:role/batch';
const never = async (): Promise<boolean> => false;

function account(
  batch: object | undefined,
  more: object = {},
  env: Readonly<Record<string, string>> = {},
): Provider {
  const settings = provider.settings.parse({
    region: 'us-west-2',
    access_key_id: 'AKIDEXAMPLE',
    secret_access_key: 'secret',
    ...more,
    ...(batch === undefined ? {} : { batch: { s3: 's3://acme-batch/jobs', role_arn: role, ...batch } }),
  });
  return provider.create('bedrock', settings, { env, clock: systemClock });
}

let ids = 0;
function newJob(items = 100): BatchJob {
  ids += 1;
  return { id: `sunit${String(ids).padStart(7, '0')}`, items, bytes: items * 100, createdAtMs: Date.now() };
}

const claudeBody = (text: string): string =>
  JSON.stringify({
    anthropic_version: 'bedrock-2023-05-31',
    max_tokens: 64,
    messages: [{ role: 'user', content: [{ type: 'text', text }] }],
  });

async function* lines(count: number, body = claudeBody): AsyncGenerator<readonly BatchLine[]> {
  for (let at = 0; at < count; at += 30)
    yield Array.from({ length: Math.min(30, count - at) }, (_, index) => ({
      key: at + index,
      body: body(`[[echo]] item ${at + index}`),
    }));
}

async function pollToEnd(endpoint: BatchEndpoint, handle: string, job: BatchJob): Promise<JobStatus> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const status = await endpoint.poll(handle, job);
    if (status.kind === 'ended' || performance.now() > deadline) return status;
    await new Promise((resolve) => systemClock.after(20, () => resolve(undefined)));
  }
}

async function collect(
  endpoint: BatchEndpoint,
  handle: string,
  job: BatchJob,
): Promise<readonly BatchResult[]> {
  const all: BatchResult[] = [];
  for await (const handful of endpoint.results(handle, job)) all.push(...handful);
  return all;
}

describe('jobs', () => {
  let simulator: Simulator;
  let places: object;
  before(async () => {
    simulator = await startSimulator();
    places = { endpoint: `${simulator.url}/~bedrock`, s3_endpoint: `${simulator.url}/~s3`, path_style: true };
  });
  after(() => simulator.close());
  beforeEach(() => simulator.setFaults({ batches: [{ duration_ms: 60 }] }));

  function endpointOf(model = claude, batch: object = {}, more: object = {}): BatchEndpoint {
    const endpoint = account({ ...places, ...batch }, more).batch?.(modelInfo(model), 'chat');
    assert.ok(endpoint !== undefined);
    return endpoint;
  }

  async function submitted(endpoint: BatchEndpoint, job: BatchJob, from = lines(job.items)): Promise<string> {
    const sent = await endpoint.submit(job, from);
    assert.ok(sent.kind === 'accepted', JSON.stringify(sent));
    return sent.handle;
  }

  test('run, and each answer has the key of its request', async () => {
    const endpoint = endpointOf();
    const job = newJob(120);
    const handle = await submitted(endpoint, job);
    assert.match(handle, /^arn:aws:bedrock:us-west-2:\d{12}:model-invocation-job\/[a-z0-9]{12}$/);
    assert.deepEqual(await pollToEnd(endpoint, handle, job), { kind: 'ended', how: 'completed' });
    const results = await collect(endpoint, handle, job);
    assert.equal(results.length, 120);
    assert.equal(new Set(results.map((one) => ('key' in one ? one.key : -1))).size, 120);
    for (const result of results) {
      assert.ok(result.kind === 'answered');
      assert.match(JSON.stringify(result.body), new RegExp(`"text":"item ${result.key}"`));
    }
  });

  const others: readonly (readonly [string, 'chat' | 'embedding', (text: string) => object, RegExp])[] = [
    [nova, 'chat', (text) => ({ messages: [{ role: 'user', content: [{ text }] }] }), /"output".*"item 7"/],
    ['amazon.titan-embed-text-v2:0', 'embedding', (inputText) => ({ inputText }), /"embedding":\[/],
  ];
  for (const [model, operation, body, expected] of others)
    test(`of ${model} have that model’s own bodies`, async () => {
      const endpoint = account(places).batch?.(modelInfo(model), operation);
      assert.ok(endpoint !== undefined);
      const job = newJob();
      const handle = await submitted(
        endpoint,
        job,
        lines(100, (text) => JSON.stringify(body(text))),
      );
      assert.deepEqual(await pollToEnd(endpoint, handle, job), { kind: 'ended', how: 'completed' });
      const results = await collect(endpoint, handle, job);
      const seventh = results.find((one) => 'key' in one && one.key === 7);
      assert.ok(seventh?.kind === 'answered');
      assert.match(JSON.stringify(seventh.body), expected);
    });

  test('have no tools and no structured output: such a record fails, and others do not', async () => {
    const endpoint = endpointOf();
    const job = newJob();
    const handle = await submitted(
      endpoint,
      job,
      lines(100, (text) =>
        JSON.stringify({ ...JSON.parse(claudeBody(text)), ...(text.endsWith(' 7') ? { tools: [] } : {}) }),
      ),
    );
    await pollToEnd(endpoint, handle, job);
    const failed = (await collect(endpoint, handle, job)).filter(({ kind }) => kind === 'failed');
    assert.equal(failed.length, 1);
    assert.ok(failed[0]?.kind === 'failed' && failed[0].key === 7);
    assert.equal(failed[0].error.code, 'upstream_refused_shape');
  });

  test('are made once by one token, however often they are sent', async () => {
    const endpoint = endpointOf();
    const job = newJob();
    const handle = await submitted(endpoint, job);
    assert.equal(await submitted(endpoint, job), handle);
    assert.deepEqual(await endpoint.find(job, never), { kind: 'found', handle });
  });

  test('are found by their name alone, and not where another of ours has them', async () => {
    const endpoint = endpointOf();
    const job = newJob();
    assert.deepEqual(await endpoint.find(job, never), { kind: 'absent' });
    const handle = await submitted(endpoint, job);
    assert.deepEqual(await endpoint.find(job, async (one) => one === handle), { kind: 'absent' });
    assert.deepEqual(await endpoint.find({ ...job, id: job.id.slice(0, -1) }, never), { kind: 'absent' });
  });

  test('whose answer was lost may be there, and are', async () => {
    simulator.setFaults({ batches: [{ lost_create: 100 }] });
    const endpoint = endpointOf();
    const job = newJob();
    const sent = await endpoint.submit(job, lines(100));
    assert.ok(sent.kind === 'unknown');
    assert.equal(sent.error.code, 'upstream_unreachable');
    const found = await endpoint.find(job, never);
    assert.ok(found.kind === 'found');
  });

  test('that Bedrock failed to create may be there, and are not', async () => {
    simulator.setFaults({ batches: [{ create_error: 100 }] });
    const endpoint = endpointOf();
    const job = newJob();
    const sent = await endpoint.submit(job, lines(100));
    assert.ok(sent.kind === 'unknown');
    assert.equal(sent.error.code, 'upstream_fault');
    assert.deepEqual(await endpoint.find(job, never), { kind: 'absent' });
  });

  test('for which there is no room are refused, and may be sent later', async () => {
    simulator.setFaults({ batches: [{ stuck: 100, jobs: 1, model: nova }] });
    const endpoint = endpointOf(nova);
    const body = (text: string) => JSON.stringify({ messages: [{ role: 'user', content: [{ text }] }] });
    await submitted(endpoint, newJob(), lines(100, body));
    const sent = await endpoint.submit(newJob(), lines(100, body));
    assert.ok(sent.kind === 'refused');
    assert.equal(sent.error.code, 'rate_limited');
  });

  test('are not sent without their input', async () => {
    const before = simulator.log.list().length;
    const endpoint = endpointOf(claude, { s3: 's3://no-such-bucket' });
    const sent = await endpoint.submit(newJob(), lines(100));
    assert.ok(sent.kind === 'refused');
    assert.equal(sent.error.code, 'upstream_auth');
    const after = simulator.log.list().slice(before);
    assert.ok(
      after.length > 0 && after.every(({ operation }) => !operation.includes('model-invocation-job')),
    );
  });

  test('throw what their lines throw, and send nothing', async () => {
    const fault = new Error('the lines broke');
    const endpoint = endpointOf();
    const job = newJob();
    async function* broken(): AsyncGenerator<readonly BatchLine[]> {
      yield* lines(60);
      throw fault;
    }
    await assert.rejects(endpoint.submit(job, broken()), (thrown) => thrown === fault);
    assert.deepEqual(await endpoint.find(job, never), { kind: 'absent' });
  });

  test('of fewer than a hundred records never ran', async () => {
    const endpoint = endpointOf();
    assert.equal(endpoint.limits.leastItems, 100);
    const job = newJob(99);
    const status = await pollToEnd(endpoint, await submitted(endpoint, job), job);
    assert.ok(status.kind === 'ended' && status.how === 'refused');
    assert.match(status.error?.message ?? '', /less records \(99\).*100/);
  });

  test('whose role may not read the bucket never ran, and alarm', async () => {
    const endpoint = endpointOf(claude, { role_arn: `${role}-denied` });
    const job = newJob();
    const handle = await submitted(endpoint, job);
    const status = await pollToEnd(endpoint, handle, job);
    assert.ok(status.kind === 'ended' && status.how === 'refused');
    assert.equal(status.error?.code, 'upstream_auth');
    assert.deepEqual(await collect(endpoint, handle, job), []);
  });

  test('that are cancelled keep what is finished, and may be cancelled again', async () => {
    simulator.setFaults({ batches: [{ duration_ms: 400 }] });
    const endpoint = endpointOf();
    const job = newJob(200);
    const handle = await submitted(endpoint, job);
    await new Promise((resolve) => systemClock.after(200, () => resolve(undefined)));
    await endpoint.cancel(handle, job);
    assert.deepEqual(await pollToEnd(endpoint, handle, job), { kind: 'ended', how: 'cancelled' });
    await endpoint.cancel(handle, job);
    const results = await collect(endpoint, handle, job);
    assert.ok(results.length > 0 && results.length < 200, `${results.length} results`);
  });

  test('that expire keep what is finished', async () => {
    simulator.setFaults({ batches: [{ duration_ms: 60, expire_job: 100 }] });
    const endpoint = endpointOf();
    const job = newJob(200);
    const handle = await submitted(endpoint, job);
    assert.deepEqual(await pollToEnd(endpoint, handle, job), { kind: 'ended', how: 'expired' });
    const results = await collect(endpoint, handle, job);
    assert.ok(results.length > 0 && results.length < 200, `${results.length} results`);
  });

  test('in part failed tell each failure by itself', async () => {
    simulator.setFaults({
      batches: [{ duration_ms: 60, item_error: 20, item_invalid: 20, broken_line: 20 }],
    });
    const endpoint = endpointOf();
    const job = newJob(200);
    const handle = await submitted(endpoint, job);
    assert.deepEqual(await pollToEnd(endpoint, handle, job), { kind: 'ended', how: 'completed' });
    const results = await collect(endpoint, handle, job);
    const codes = new Set(results.map((one) => (one.kind === 'failed' ? one.error.code : one.kind)));
    assert.deepEqual([...codes].sort(), ['answered', 'invalid_request', 'unreadable', 'upstream_fault']);
  });

  test('leave nothing once they are discarded, and others’ files stay', async () => {
    const endpoint = endpointOf();
    const [one, other] = [newJob(), newJob()];
    const handle = await submitted(endpoint, one);
    const kept = await submitted(endpoint, other);
    await pollToEnd(endpoint, handle, one);
    await pollToEnd(endpoint, kept, other);
    await endpoint.discard?.(handle, one);
    await endpoint.discard?.(handle, one);
    await assert.rejects(
      collect(endpoint, handle, one),
      (thrown) => thrown instanceof GatewayError && thrown.code === 'not_found',
    );
    assert.equal((await collect(endpoint, kept, other)).length, 100);
  });

  test('that nobody knows are an error', async () => {
    const endpoint = endpointOf();
    const handle = 'arn:aws:bedrock:us-west-2:111122223333:model-invocation-job/aaaaaaaaaaaa';
    for (const asked of [endpoint.poll(handle, newJob()), endpoint.cancel(handle, newJob())])
      await assert.rejects(asked, (thrown) => thrown instanceof GatewayError && thrown.code === 'not_found');
  });

  test('that are asked for too often say so', async () => {
    const endpoint = endpointOf();
    const job = newJob();
    const handle = await submitted(endpoint, job);
    simulator.setFaults({ batches: [{ poll_throttle: 100, retry_after_s: 7 }] });
    await assert.rejects(
      endpoint.poll(handle, job),
      (thrown) => thrown instanceof GatewayError && thrown.code === 'rate_limited',
    );
  });

  test('of an API key send the key to Bedrock, and signed requests to S3', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };
    const settings = {
      region: 'us-west-2',
      bearer_token: 'key',
      batch: { s3: 's3://acme', role_arn: role, ...places },
    };
    const endpoint = provider
      .create('bedrock', provider.settings.parse(settings), { env, clock: systemClock })
      .batch?.(modelInfo(claude), 'chat');
    assert.ok(endpoint !== undefined);
    const job = newJob();
    // The stand-in takes the region from the signature, and has none to take it from.
    assert.match(await submitted(endpoint, job), /^arn:aws:bedrock:us-east-1:/);
  });

  test('whose credentials cannot be had are refused, and it is told why', async () => {
    const env = { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9' };
    const endpoint = account(places, { role_arn: 'arn:aws:iam::111122223333:role/caller' }, env).batch?.(
      modelInfo(claude),
      'chat',
    );
    const sent = await endpoint?.submit(newJob(), lines(100));
    assert.ok(sent?.kind === 'refused');
    assert.equal(sent.error.code, 'upstream_auth');
    assert.match(sent.error.message, /STS could not be reached/);
  });

  test('are created as the settings say', async () => {
    const endpoint = endpointOf(claude, {
      s3: 's3://acme-batch/a/b/',
      encryption_key: 'arn:aws:kms:us-west-2:111122223333:key/1',
      bucket_owner: '444455556666',
      timeout_hours: 48,
    });
    const job = newJob();
    const handle = await submitted(endpoint, job);
    const answer = await fetch(
      `${simulator.url}/~bedrock/model-invocation-job/${encodeURIComponent(handle)}`,
      { headers: { authorization: 'Bearer key' } },
    );
    const seen: unknown = await answer.json();
    assert.ok(typeof seen === 'object' && seen !== null);
    const place = `s3://acme-batch/a/b/${job.id}`;
    const expected = {
      jobName: `intermodal-${job.id}`,
      clientRequestToken: job.id,
      roleArn: role,
      modelId: claude,
      modelInvocationType: 'InvokeModel',
      timeoutDurationInHours: 48,
      inputDataConfig: {
        s3InputDataConfig: {
          s3Uri: `${place}/input.jsonl`,
          s3InputFormat: 'JSONL',
          s3BucketOwner: '444455556666',
        },
      },
      outputDataConfig: {
        s3OutputDataConfig: {
          s3Uri: `${place}/output/`,
          s3BucketOwner: '444455556666',
          s3EncryptionKeyId: 'arn:aws:kms:us-west-2:111122223333:key/1',
        },
      },
    };
    assert.deepEqual({ ...seen, ...expected }, seen);
  });

  test('nobody answers to are refused, since nothing was sent', async () => {
    const endpoint = endpointOf(claude, { endpoint: 'http://127.0.0.1:9' });
    const sent = await endpoint.submit(newJob(), lines(100));
    assert.ok(sent.kind === 'refused');
    assert.equal(sent.error.code, 'upstream_unreachable');
  });
});
