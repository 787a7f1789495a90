/** Vertex AI's batches keep the contract; and what the shared suite does not ask: its own ways to refuse, to lose and to name things. */
import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { testBatchEndpoint } from '../../../test/support/batch-endpoint-suite.ts';
import { modelInfo } from '../../catalog/catalog.ts';
import { type Clock, systemClock } from '../../core/clock.ts';
import { asArray, asObject } from '../../core/json.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import type { BatchEndpoint, BatchJob, BatchLine, BatchResult, Submitted } from '../contract.ts';
import { provider } from './index.ts';
import { settings } from './settings.ts';

const gemini = 'gemini-2.5-flash';
const claude = 'claude-haiku-4-5-20251001';
const job: BatchJob = { id: 's0a1b2c3d4e5', items: 3, bytes: 100, createdAtMs: 0 };
const secret = 'ya29.very-secret-token';
const account = { project: 'acme', access_token: secret, batch: { gcs: 'gs://acme-batch/lines' } };
const name = 'projects/123/locations/us-central1/batchPredictionJobs/4567';

function endpoint(values: object, model = gemini, clock: Clock = systemClock): BatchEndpoint {
  const made = provider.create('vertex', settings.parse(values), { env: {}, clock });
  const batch = made.batch?.(modelInfo(model), 'chat');
  assert.ok(batch);
  return batch;
}

async function* lines(count = 3): AsyncGenerator<readonly BatchLine[], void, undefined> {
  for (let key = 0; key < count; key++)
    yield [{ key, body: `{"contents":[{"role":"user","parts":[{"text":"Pier ${key}?"}]}]}` }];
}

async function all(results: AsyncIterable<readonly BatchResult[]>): Promise<readonly BatchResult[]> {
  const list: BatchResult[] = [];
  for await (const handful of results) list.push(...handful);
  return list;
}

const errorOf = (submitted: Submitted) => (submitted.kind === 'accepted' ? undefined : submitted.error);

const skips = {
  embeddings: 'lines of embeddings have another form, which differs by model',
  'expired-items': 'an item that was not done in time leaves no row',
  'cancelled-items': 'an item that was cancelled leaves no row',
} as const;

for (const [what, model, batch] of [
  ['Gemini over Cloud Storage', gemini, { gcs: 'gs://acme-batch/lines' }],
  ['Gemini over BigQuery', gemini, { bigquery: 'bq://acme.batch' }],
  ['Claude over Cloud Storage', claude, { gcs: 'gs://acme-batch' }],
] as const)
  testBatchEndpoint({
    name: `vertex, ${what}`,
    instance: 'vertex',
    model,
    secret,
    open: (url) =>
      provider.create('vertex', settings.parse({ ...account, batch, base_url: `${url}/~vertex` }), {
        env: {},
        clock: systemClock,
      }),
    skips,
  });

/** A server that takes uploads as Cloud Storage does and answers calls about jobs as told. */
describe('what Google answers when a job is made', () => {
  let server: Server | undefined;
  const removed: string[] = [];
  let created = 0;

  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    removed.length = 0;
    created = 0;
  });

  async function serve(answer: RequestListener): Promise<string> {
    server = createServer((request, response) => {
      const { url = '', method } = request;
      const storage = url.includes('/storage/');
      if (url.endsWith('/batchPredictionJobs') && method === 'POST') created += 1;
      if (!storage) return answer(request, response);
      request.resume();
      request.on('end', () => {
        response.setHeader('content-type', 'application/json');
        if (method === 'DELETE') removed.push(url);
        if (method === 'GET') response.end('{"items":[{"name":"lines/s0a1b2c3d4e5/input.jsonl"}]}');
        // What was sent is not summed here.
        else response.end('{"name":"x","crc32c":"AAAAAA=="}');
      });
    });
    const listening = server;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const address: AddressInfo | string | null = listening.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  const status =
    (code: number, body: object | string): RequestListener =>
    (request, response) => {
      request.resume();
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
  const error = (code: number, word: string, message = 'No.') =>
    status(code, { error: { code, status: word, message } });
  const reset: RequestListener = (request) => void request.socket.destroy();

  const table: readonly (readonly [string, RequestListener, Submitted['kind'], string | undefined])[] = [
    ['a job', status(200, { name, state: 'JOB_STATE_PENDING' }), 'accepted', undefined],
    ['no room', error(429, 'RESOURCE_EXHAUSTED'), 'refused', 'rate_limited'],
    ['a wrong model', error(400, 'INVALID_ARGUMENT'), 'refused', 'invalid_request'],
    [
      'no permission',
      error(403, 'PERMISSION_DENIED', `${secret} is not allowed`),
      'refused',
      'upstream_auth',
    ],
    ['a server error', error(500, 'INTERNAL'), 'unknown', 'upstream_fault'],
    ['unavailable', error(503, 'UNAVAILABLE'), 'unknown', 'upstream_overloaded'],
    ['a conflict', error(409, 'ALREADY_EXISTS'), 'unknown', 'invalid_request'],
    ['a time-out', error(504, 'DEADLINE_EXCEEDED'), 'unknown', 'upstream_timeout'],
    ['a reset', reset, 'unknown', 'upstream_unreachable'],
    ['a page', status(200, '<html>'), 'unknown', 'upstream_malformed'],
    ['a job without a name', status(200, { state: 'JOB_STATE_PENDING' }), 'unknown', 'upstream_malformed'],
    ['a job with a strange name', status(200, { name: '../../x' }), 'unknown', 'upstream_malformed'],
  ];
  for (const [what, answer, kind, code] of table)
    test(`${what}: ${kind}`, async () => {
      const url = await serve(answer);
      const submitted = await endpoint({ ...account, base_url: url }).submit(job, lines(0));
      assert.equal(submitted.kind, kind);
      assert.equal(errorOf(submitted)?.code, code);
      assert.equal(created, 1, 'made once, whatever came of it');
      assert.equal(removed.length, kind === 'refused' ? 1 : 0, 'lines that nobody will read are removed');
    });

  test('nobody there: the job is surely not', async () => {
    const url = await serve(reset);
    server?.close();
    server?.closeAllConnections();
    const submitted = await endpoint({ ...account, base_url: url }).submit(job, lines());
    assert.equal(submitted.kind, 'refused');
    assert.equal(errorOf(submitted)?.code, 'upstream_unreachable');
  });

  test('a list of other jobs holds none of ours, and a page that leads to itself has an end', async () => {
    let pages = 0;
    const url = await serve((request, response) => {
      pages += 1;
      const other = { name, displayName: 'other', labels: { intermodal_job: 's99999999999' } };
      status(200, { batchPredictionJobs: [other], nextPageToken: 'again' })(request, response);
    });
    const found = await endpoint({ ...account, base_url: url }).find(job, async () => false);
    assert.deepEqual(found, { kind: 'absent' });
    assert.equal(pages, 20);
  });

  test('a handle that is no name of a job goes nowhere', async () => {
    const url = await serve(() => assert.fail('nothing is asked'));
    await assert.rejects(endpoint({ ...account, base_url: url }).poll('../../secrets', job), {
      code: 'internal',
    });
  });

  test('a side that takes nothing any more is left, and nothing is read on into memory', async () => {
    let late: (() => void) | undefined;
    let taken = 0;
    const clock: Clock = {
      now: () => 0,
      after(ms, callback) {
        if (ms === 120_000) late = callback;
        return () => {
          late = undefined;
        };
      },
    };
    server = createServer((request) => request.pause());
    const listening = server;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const address = listening.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const text = 'x'.repeat(100_000);
    async function* many(): AsyncGenerator<readonly BatchLine[], void, undefined> {
      for (taken = 0; taken < 10_000; taken++) {
        yield [{ key: taken, body: `{"contents":[{"parts":[{"text":"${text}"}]}]}` }];
      }
    }
    const submitting = endpoint({ ...account, base_url: url }, gemini, clock).submit(job, many());
    let before = -1;
    for (let waits = 0; waits < 200 && (taken === 0 || taken !== before); waits++) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(taken < 400, `${taken} lines of 100 kB are on their way`);
    assert.ok(late, 'the wait is bounded');
    late();
    const submitted = await submitting;
    assert.equal(submitted.kind, 'refused');
    assert.equal(errorOf(submitted)?.code, 'upstream_timeout');
  });
});

describe('against the simulator', () => {
  let simulator: Simulator;
  before(async () => {
    simulator = await startSimulator();
  });
  after(() => simulator.close());
  afterEach(() => simulator.setFaults({}));

  const at = (values: object = {}) => ({ ...account, base_url: `${simulator.url}/~vertex`, ...values });
  const storage = (path: string): string => `${simulator.url}/~vertex${path}`;
  const authorization = { authorization: 'Bearer t' };
  let numbers = 0;
  const newJob = (): BatchJob => ({ ...job, id: `s${String(++numbers).padStart(11, '0')}` });

  async function objects(prefix: string): Promise<readonly string[]> {
    const url = storage(`/storage/v1/b/acme-batch/o?prefix=${encodeURIComponent(prefix)}`);
    const list = await (await fetch(url, { headers: authorization })).json();
    return asArray(asObject(list)['items']).map((item) => String(asObject(item)['name']));
  }

  async function put(name: string, text: string): Promise<void> {
    const url = `/upload/storage/v1/b/acme-batch/o?uploadType=media&name=${encodeURIComponent(name)}`;
    const { status } = await fetch(storage(url), { method: 'POST', body: text, headers: authorization });
    assert.equal(status, 200);
  }

  async function run(batch: BatchEndpoint, one: BatchJob): Promise<string> {
    const submitted = await batch.submit(one, lines());
    assert.ok(submitted.kind === 'accepted', String(errorOf(submitted)));
    await simulator.finishJobs();
    return submitted.handle;
  }

  test('a bucket or a dataset that is not there refuses the job, and nothing secret is told', async () => {
    for (const batch of [{ gcs: 'gs://missing-bucket/x' }, { bigquery: 'bq://acme.missing' }]) {
      const submitted = await endpoint(at({ batch })).submit(newJob(), lines());
      assert.equal(submitted.kind, 'refused');
      assert.equal(errorOf(submitted)?.code, 'upstream_auth');
      assert.match(errorOf(submitted)?.message ?? '', /^(?:Cloud Storage|BigQuery): /);
      assert.doesNotMatch(errorOf(submitted)?.message ?? '', /ya29/);
    }
  });

  test('what the source of the lines throws is thrown on, and no job is made', async () => {
    const gone = new Error('the blob is gone');
    async function* broken(): AsyncGenerator<readonly BatchLine[], void, undefined> {
      yield* lines();
      throw gone;
    }
    for (const batch of [{ gcs: 'gs://acme-batch/lines' }, { bigquery: 'bq://acme.batch' }]) {
      const one = newJob();
      await assert.rejects(endpoint(at({ batch })).submit(one, broken()), gone);
      assert.deepEqual(await endpoint(at()).find(one, async () => false), { kind: 'absent' });
    }
  });

  test('rows are read from any file of lines below the folder that the job names', async () => {
    const one = newJob();
    const batch = endpoint(at());
    const handle = await run(batch, one);
    const [told = ''] = await objects(`lines/${one.id}/output/`);
    assert.match(told, /prediction-model-.*\/predictions\.jsonl$/);
    const shard = { custom_id: `${one.id}-9`, status: '', response: { candidates: [{}] } };
    await put(
      told.replace('predictions.jsonl', 'deeper/predictions_0001.jsonl'),
      `${JSON.stringify(shard)}\r\n\n`,
    );
    await put(told.replace('predictions.jsonl', 'errors_0001.jsonl'), '{"custom_id": "cut');
    await put(told.replace('predictions.jsonl', 'manifest.json'), '{"custom_id": "no line"}');
    const results = await all(batch.results(handle, one));
    assert.deepEqual(
      results.flatMap((result) => (result.kind === 'answered' ? [result.key] : [])).sort(),
      [0, 1, 2, 9],
    );
    assert.equal(results.filter((result) => result.kind === 'unreadable').length, 1);
  });

  test('rows are found by the folder of the job where it tells no output', async () => {
    const one = newJob();
    simulator.setFaults({ batches: [{ stuck: 100 }] });
    const batch = endpoint(at());
    const submitted = await batch.submit(one, lines());
    assert.ok(submitted.kind === 'accepted');
    const row = { custom_id: `${one.id}-1`, status: '', response: { candidates: [{}] } };
    await put(`lines/${one.id}/output/predictions.jsonl`, JSON.stringify(row));
    const results = await all(batch.results(submitted.handle, one));
    assert.deepEqual(results, [{ kind: 'answered', key: 1, body: row.response }]);
  });

  for (const [what, batch] of [
    ['objects', { gcs: 'gs://acme-batch' }],
    ['tables', { bigquery: 'bq://acme.batch' }],
  ] as const)
    test(`all ${what} of a job are removed, those of others stay, and a second time does no harm`, async () => {
      const [one, other] = [newJob(), newJob()];
      const place = endpoint(at({ batch }));
      const handles = [await run(place, one), await run(place, other)];
      await place.discard?.(handles[0] ?? '', one);
      await place.discard?.(handles[0] ?? '', one);
      // Not an empty list: items of which nothing is told are sent again, and paid again.
      await assert.rejects(all(place.results(handles[0] ?? '', one)), { message: /no longer there/ });
      assert.equal((await all(place.results(handles[1] ?? '', other))).length, 3);
      assert.deepEqual(await objects(`${one.id}/`), []);
    });

  test('a job whose input is gone fails before it runs: refused', async () => {
    const one = newJob();
    const batch = endpoint(at());
    const submitted = await batch.submit(one, lines());
    assert.ok(submitted.kind === 'accepted');
    const other = { ...job, id: 's00000000zzz' };
    // The same job by hand, over a bucket that holds no lines.
    const response = await fetch(storage('/v1/projects/acme/locations/us-central1/batchPredictionJobs'), {
      method: 'POST',
      headers: authorization,
      body: JSON.stringify({
        displayName: other.id,
        model: `publishers/google/models/${gemini}`,
        labels: { intermodal_job: other.id },
        inputConfig: { instancesFormat: 'jsonl', gcsSource: { uris: ['gs://elsewhere/input.jsonl'] } },
        outputConfig: {
          predictionsFormat: 'jsonl',
          gcsDestination: { outputUriPrefix: 'gs://elsewhere/o/' },
        },
      }),
    });
    assert.equal(response.status, 200);
    const found = await batch.find(other, async () => false);
    assert.ok(found.kind === 'found');
    await simulator.finishJobs();
    const status = await batch.poll(found.handle, other);
    assert.ok(status.kind === 'ended' && status.how === 'refused');
    assert.match(status.error?.message ?? '', /does not exist/);
    assert.deepEqual(await all(batch.results(found.handle, other)), []);
  });

  test('jobs of another location are not seen', async () => {
    const one = newJob();
    await run(endpoint(at({ location: 'europe-west4' })), one);
    assert.equal((await endpoint(at()).find(one, async () => false)).kind, 'absent');
    assert.equal(
      (await endpoint(at({ location: 'europe-west4' })).find(one, async () => false)).kind,
      'found',
    );
  });

  test('Claude’s lines say which version of its API they are, and its model is spelled as Vertex does', async () => {
    const one = newJob();
    const batch = endpoint(at(), claude);
    async function* asked(): AsyncGenerator<readonly BatchLine[], void, undefined> {
      const messages = [{ role: 'user', content: 'Which pier?' }];
      yield [
        {
          key: 0,
          body: JSON.stringify({ anthropic_version: 'vertex-2023-10-16', max_tokens: 64, messages }),
        },
      ];
    }
    const submitted = await batch.submit(one, asked());
    assert.ok(submitted.kind === 'accepted');
    const told = await (await fetch(storage(`/v1/${submitted.handle}`), { headers: authorization })).json();
    assert.equal(asObject(told)['model'], 'publishers/anthropic/models/claude-haiku-4-5@20251001');
    await simulator.finishJobs();
    const [result] = await all(batch.results(submitted.handle, one));
    assert.equal(result?.kind, 'answered');
  });
});
