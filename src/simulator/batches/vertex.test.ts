/** Jobs of Vertex AI as their callers see them; `@google/genai`, Google's own SDK, reads them unchanged. */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { GoogleGenAI } from '@google/genai';
import { asArray, asObject, asString } from '../../core/json.ts';
import { type Simulator, startSimulator } from '../server.ts';
import { readFilter } from './vertex-filter.ts';

describe('batch jobs of Vertex AI', () => {
  let simulator: Simulator;
  before(async () => {
    simulator = await startSimulator();
    const line = '{"custom_id":"a","request":{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}}';
    await fetch(`${simulator.url}/~vertex/upload/storage/v1/b/acme-batch/o?uploadType=media&name=in.jsonl`, {
      method: 'POST',
      body: `${line}\n${line.replace('"a"', '"b"').replace('user', 'poet')}\n`,
      headers: { authorization: 'Bearer t' },
    });
  });
  after(() => simulator.close());
  afterEach(() => simulator.setFaults({}));

  const model = 'publishers/google/models/gemini-2.5-flash';
  const usual = {
    displayName: 'one',
    model,
    inputConfig: { instancesFormat: 'jsonl', gcsSource: { uris: ['gs://acme-batch/in.jsonl'] } },
    outputConfig: { predictionsFormat: 'jsonl', gcsDestination: { outputUriPrefix: 'gs://acme-batch/out' } },
    labels: { team: 'search' },
  };

  async function call(method: string, path: string, body?: object, location = 'us-central1') {
    const url = `${simulator.url}/~vertex/v1/projects/acme/locations/${location}/batchPredictionJobs${path}`;
    const response = await fetch(url, {
      method,
      headers: { authorization: 'Bearer t' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = asObject(await response.json());
    return { status: response.status, answer, error: asObject(answer['error']) };
  }

  const idOf = (job: Readonly<Record<string, unknown>>): string =>
    `/${asString(job['name'])?.split('/').pop()}`;

  test('a job is pending, runs, and tells counts as text and the folder of its rows', async () => {
    const { answer: made } = await call('POST', '', usual);
    assert.equal(made['state'], 'JOB_STATE_PENDING');
    assert.match(String(made['name']), /^projects\/\d+\/locations\/us-central1\/batchPredictionJobs\/\d+$/);
    await simulator.finishJobs();
    const { answer: job } = await call('GET', idOf(made));
    assert.equal(job['state'], 'JOB_STATE_SUCCEEDED');
    assert.deepEqual(job['completionStats'], {
      successfulCount: '1',
      failedCount: '1',
      incompleteCount: '0',
    });
    const folder = String(asObject(job['outputInfo'])['gcsOutputDirectory']);
    assert.match(folder, /^gs:\/\/acme-batch\/out\/prediction-model-.*Z$/);
    const object = encodeURIComponent(`${folder.slice('gs://acme-batch/'.length)}/predictions.jsonl`);
    const rows = await fetch(`${simulator.url}/~vertex/storage/v1/b/acme-batch/o/${object}?alt=media`, {
      headers: { authorization: 'Bearer t' },
    });
    const read = (await rows.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const byId = new Map(read.map((row) => [row.custom_id, row]));
    assert.equal(byId.get('a').status, '');
    assert.equal(byId.get('a').response.candidates.length, 1);
    assert.match(byId.get('b').status, /^Bad Request: \{"error":\{"code":400,/);
    assert.deepEqual(byId.get('b').response, {});
  });

  test('Google’s own SDK makes, reads, lists and cancels a job', async () => {
    simulator.setFaults({ batches: [{ stuck: 100 }] });
    // A client of its own address: the account's credentials are not asked for.
    const google = new GoogleGenAI({
      vertexai: true,
      apiKey: 'x',
      httpOptions: {
        baseUrl: `${simulator.url}/~vertex/v1/projects/acme/locations/us-central1`,
        apiVersion: '',
        baseUrlResourceScope: undefined,
      } as object,
    });
    const made = await google.batches.create({
      model: 'gemini-2.5-flash',
      src: 'gs://acme-batch/in.jsonl',
      config: { displayName: 'of the SDK', dest: 'gs://acme-batch/sdk/' },
    });
    assert.equal(made.displayName, 'of the SDK');
    const id = idOf({ name: made.name });
    await call('POST', `${id}:cancel`, {});
    await simulator.finishJobs();
    assert.match(String((await call('GET', id)).answer['state']), /CANCEL/);
  });

  test('what is wrong with a request is refused, what is wrong with its input fails the job', async () => {
    const refused: readonly (readonly [object, string?])[] = [
      [{ ...usual, model: 'gemini-2.5-flash' }],
      [{ ...usual, inputConfig: {} }],
      [{ ...usual, outputConfig: {} }],
      [{ ...usual, labels: { Team: 'search' } }],
      [{ ...usual, labels: { team: 'Search' } }],
      [{ ...usual, model: 'publishers/anthropic/models/claude-haiku-4-5@20251001' }, 'global'],
    ];
    for (const [body, location] of refused)
      assert.equal((await call('POST', '', body, location)).status, 400, JSON.stringify(body));
    for (const broken of [
      { ...usual, inputConfig: { gcsSource: { uris: ['gs://acme-batch/none.jsonl'] } } },
      { ...usual, outputConfig: { gcsDestination: { outputUriPrefix: 'gs://missing-bucket/out' } } },
    ]) {
      const { answer: made } = await call('POST', '', broken);
      await simulator.finishJobs();
      const { answer: job } = await call('GET', idOf(made));
      assert.equal(job['state'], 'JOB_STATE_FAILED');
      assert.match(String(asObject(job['error'])['message']), /does not exist/);
      assert.equal(job['startTime'], undefined);
    }
  });

  test('a full house refuses a job with 429, and a throttled poll says how long to wait', async () => {
    simulator.setFaults({ batches: [{ jobs: 1, stuck: 100, poll_throttle: 100, retry_after_s: 7 }] });
    const { answer: made } = await call('POST', '', usual);
    const { status, error } = await call('POST', '', usual);
    assert.deepEqual([status, error['status']], [429, 'RESOURCE_EXHAUSTED']);
    const polled = await call('GET', idOf(made));
    assert.equal(polled.status, 429);
    assert.equal(asObject(asArray(polled.error['details'])[0])['retryDelay'], '7s');
    await call('POST', `${idOf(made)}:cancel`, {});
    await simulator.finishJobs();
  });

  test('a job that has ended cannot be cancelled, one that runs cannot be deleted', async () => {
    simulator.setFaults({ batches: [{ stuck: 100 }] });
    const { answer: made } = await call('POST', '', usual);
    assert.equal((await call('DELETE', idOf(made))).error['status'], 'FAILED_PRECONDITION');
    await simulator.finishJobs();
    assert.equal((await call('POST', `${idOf(made)}:cancel`, {})).error['status'], 'FAILED_PRECONDITION');
    assert.equal((await call('DELETE', idOf(made))).answer['done'], true);
    assert.equal((await call('GET', idOf(made))).status, 404);
  });

  test('lists go by filter and page, within a location', async () => {
    const location = 'europe-west4';
    for (const displayName of ['s1', 's2', 's3'])
      await call('POST', '', { ...usual, displayName, labels: { submission: displayName } }, location);
    const names = async (query: string): Promise<unknown> => {
      const { answer } = await call('GET', `?${query}`, undefined, location);
      return asArray(answer['batchPredictionJobs']).map((job) => asObject(job)['displayName']);
    };
    assert.deepEqual(await names('pageSize=2'), ['s3', 's2']);
    assert.deepEqual(await names('pageSize=2&pageToken=2'), ['s1']);
    assert.deepEqual(await names(new URLSearchParams({ filter: 'labels.submission="s2"' }).toString()), [
      's2',
    ]);
    assert.equal((await call('GET', '?filter=nonsense', undefined, location)).status, 400);
  });
});

describe('a filter of a list', () => {
  const job = { displayName: 's7f3a', state: 'JOB_STATE_FAILED', labels: { team: 'search' } };
  const table: readonly (readonly [string, boolean])[] = [
    ['', true],
    ['labels.team="search"', true],
    ['labels.team=search', true],
    ['labels.team="find"', false],
    ['labels.team:*', true],
    ['labels.owner:*', false],
    ['display_name="s7f3a"', true],
    ['display_name="s7f3"', false],
    ['display_name:"s7f*"', true],
    ['state!="JOB_STATE_FAILED"', false],
    ['labels.team="find" OR display_name="s7f3a"', true],
    ['labels.team="search" AND display_name="other"', false],
  ];
  for (const [text, holds] of table)
    test(`${text === '' ? 'nothing' : text}: ${holds}`, () => assert.equal(readFilter(text)?.(job), holds));
  test('that cannot be read is none', () => assert.equal(readFilter('team is search'), undefined));
});
