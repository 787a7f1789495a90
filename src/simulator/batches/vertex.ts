/**
 * `batchPredictionJobs` of Vertex AI, for Gemini and Claude, over Cloud Storage or BigQuery. A job is made whatever its input is; what
 * is wrong with it shows later, as `JOB_STATE_FAILED`, as with Google. Cancelled and expired items leave no row.
 */
import { STATUS_CODES } from 'node:http';
import { asArray, asObject, asString } from '../../core/json.ts';
import { parseLine, splitLines } from '../../wire/jsonl.ts';
import { vertex as sync } from '../apis/vertex.ts';
import { bigqueryUriKey } from './bigquery.ts';
import type { BatchApi, BatchCall, BatchEngine, Checked, Job, JobItem, Outcome } from './contract.ts';
import { gcsUriKey } from './gcs.ts';
import { readFilter } from './vertex-filter.ts';

const claimed =
  /^\/v1(?:beta1)?\/projects\/([^/]+)\/locations\/([^/]+)\/batchPredictionJobs(?:\/([^/:]+)(:cancel)?)?$/;
const modelForm = /^publishers\/(google|anthropic)\/models\/([^/]+)$/;
/** Labels of a job and of a request alike. */
const labelForm = /^[a-z0-9_-]{0,63}$/;
/** Names hold the project's number, whatever the caller called it. */
const projectNumber = '123456789012';

interface Detail {
  readonly kind: 'vertex';
  readonly location: string;
  readonly displayName: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly model: string;
  readonly inputConfig: unknown;
  readonly outputConfig: unknown;
  /** Where its rows go: a folder, with a slash at its end, or a table. */
  readonly output: string;
  deleted: boolean;
}

function isDetail(detail: unknown): detail is Detail {
  return asObject(detail)['kind'] === 'vertex';
}

export const vertex: BatchApi = {
  api: sync,
  claims: (_method, path) => claimed.test(path),
  async serve(call) {
    const [, , location = '', id, cancel] = claimed.exec(call.path) ?? [];
    if (id === undefined) return call.method === 'POST' ? create(call, location) : list(call, location);
    const job = call.engine.find(call.instance, id, isDetail);
    if (job === undefined || job.detail.deleted || job.detail.location !== location)
      return call.refuse('not-found', `The BatchPredictionJob does not exist: ${id}.`);
    if (cancel !== undefined) return stop(call, job);
    if (call.method === 'DELETE') return remove(call, job);
    const wait = call.engine.throttled(call.instance, job.model);
    if (wait !== undefined) return call.refuse('rate-limit', '', { retryAfterS: wait });
    call.send(200, describe(job));
  },
};

const states: Readonly<Record<Job['state'], string>> = {
  validating: 'PENDING',
  running: 'RUNNING',
  finishing: 'RUNNING',
  cancelling: 'CANCELLING',
  completed: 'SUCCEEDED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
  expired: 'EXPIRED',
};

const stateOf = (job: Job): string => `JOB_STATE_${states[job.state]}`;

function timeOf(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : new Date(atMs).toISOString().replace('Z', '456Z');
}

function describe(job: Job<Detail>): object {
  const { detail, counts } = job;
  const { answered, failed, total } = counts;
  const startTime = timeOf(job.runningAtMs);
  const endTime = timeOf(job.endedAtMs);
  const problem = job.problems[0];
  return {
    name: `projects/${projectNumber}/locations/${detail.location}/batchPredictionJobs/${job.id}`,
    displayName: detail.displayName,
    model: detail.model,
    inputConfig: detail.inputConfig,
    outputConfig: detail.outputConfig,
    labels: detail.labels,
    modelVersionId: '1',
    state: stateOf(job),
    createTime: timeOf(job.createdAtMs),
    updateTime: endTime ?? startTime ?? timeOf(job.createdAtMs),
    ...(startTime === undefined ? {} : { startTime }),
    ...(endTime === undefined ? {} : { endTime }),
    ...(Object.keys(job.outputs).length === 0 ? {} : { outputInfo: outputInfo(detail) }),
    ...(job.endedAtMs === undefined || job.state === 'failed'
      ? {}
      : {
          completionStats: {
            successfulCount: String(answered),
            failedCount: String(failed),
            incompleteCount: String(total - answered - failed),
          },
        }),
    ...(problem === undefined
      ? {}
      : { error: { code: Number(problem.code) || 3, message: problem.message } }),
  };
}

function outputInfo({ output }: Detail): object {
  if (output.startsWith('gs://')) return { gcsOutputDirectory: output.replace(/\/$/, '') };
  const dot = output.lastIndexOf('.');
  return { bigqueryOutputDataset: output.slice(0, dot), bigqueryOutputTable: output.slice(dot + 1) };
}

async function create(call: BatchCall, location: string): Promise<void> {
  const body = asObject(await call.readJson());
  const [, publisher, model] = modelForm.exec(asString(body['model']) ?? '') ?? [];
  const source = readSource(body);
  const destination = readDestination(body);
  if (publisher === undefined || model === undefined)
    return call.refuse('bad-request', 'Invalid resource field value in the request: model.');
  if (source === undefined || destination === undefined)
    return call.refuse('bad-request', 'inputConfig and outputConfig must each name one place.');
  if (publisher === 'anthropic' && location === 'global' && source.startsWith('gs://'))
    return call.refuse('bad-request', 'Cloud Storage input is not supported on the global endpoint.');
  const labels = Object.fromEntries(
    Object.entries(asObject(body['labels'])).map(([key, value]) => [key, String(value)]),
  );
  if (
    !Object.entries(labels)
      .flat()
      .every((text) => labelForm.test(text))
  )
    return call.refuse('bad-request', 'Label keys and values must be lower-case letters, digits, _ and -.');
  if (call.engine.shortOf(call.instance, model, 0) !== undefined) return call.refuse('rate-limit');
  const { engine, instance } = call;
  // Google's folder is named for another moment than the job.
  const stamp = new Date(engine.now() + 3000).toISOString().replace('Z', '456Z');
  const output = destination.startsWith('gs://')
    ? `${destination.replace(/\/?$/, '/')}prediction-model-${stamp}/`
    : destination;
  const items = (): AsyncIterable<readonly JobItem[]> => readItems(engine, keyOf(instance, source));
  const created = engine.create<Detail>({
    id: BigInt(`0x${engine.newId(15)}`).toString(),
    api: sync,
    instance,
    model,
    matched: {
      operation: 'chat',
      stream: false,
      model,
      ...(publisher === 'anthropic' ? { form: 'claude' } : {}),
    },
    ourId: asString(body['displayName']) ?? '',
    detail: {
      kind: 'vertex',
      location,
      displayName: asString(body['displayName']) ?? '',
      labels,
      model: asString(body['model']) ?? '',
      inputConfig: body['inputConfig'],
      outputConfig: body['outputConfig'],
      output,
      deleted: false,
    },
    items,
    check: () => check(engine, instance, source, destination, items),
    render: (outcome) => render(outcome, engine.now()),
    problem: (problem) =>
      problem.code === 'enqueued_tokens' || problem.code === 'jobs'
        ? { code: '8', message: 'Resource exhausted. Please try again later.' }
        : problem.code === 'validation'
          ? { code: '3', message: `Failed to read the input: line ${problem.line} is no JSON.` }
          : problem,
    outputKey: (name) =>
      output.startsWith('gs://') ? keyOf(instance, `${output}${name}`) : keyOf(instance, output),
  });
  if (created.fate === 'fail') return call.refuse('server-error');
  if (created.fate === 'lose') return call.lose();
  call.send(200, describe(created.job));
}

function readSource(body: Readonly<Record<string, unknown>>): string | undefined {
  const config = asObject(body['inputConfig']);
  const uri =
    asString(asArray(asObject(config['gcsSource'])['uris'])[0]) ??
    asString(asObject(config['bigquerySource'])['inputUri']);
  return uri !== undefined && keyOf('', uri) !== '' ? uri : undefined;
}

function readDestination(body: Readonly<Record<string, unknown>>): string | undefined {
  const config = asObject(body['outputConfig']);
  return (
    asString(asObject(config['gcsDestination'])['outputUriPrefix']) ??
    asString(asObject(config['bigqueryDestination'])['outputUri'])
  );
}

function keyOf(instance: string, uri: string): string {
  return gcsUriKey(instance, uri) ?? bigqueryUriKey(instance, uri) ?? '';
}

async function* readItems(
  engine: BatchEngine,
  key: string,
): AsyncGenerator<readonly JobItem[], void, undefined> {
  for await (const lines of splitLines(engine.objects.read(key)))
    yield lines.map((line) => {
      const row = asObject(parseLine(line));
      return { id: asString(row['custom_id']) ?? '', body: asObject(row['request']) };
    });
}

async function check(
  engine: BatchEngine,
  instance: string,
  source: string,
  destination: string,
  items: () => AsyncIterable<readonly JobItem[]>,
): Promise<Checked> {
  const fail = (code: string, message: string): Checked => ({ ok: false, problems: [{ code, message }] });
  if (engine.objects.find(keyOf(instance, source)) === undefined)
    return fail('5', `The input ${source} does not exist or cannot be read.`);
  if (/^\w+:\/\/(?:[^/]*\.)?missing/.test(destination))
    return fail('5', `The output ${destination} does not exist or cannot be written.`);
  let number = 0;
  for await (const handful of items())
    for (const { body } of handful) {
      number += 1;
      if (Object.keys(body).length === 0) return fail('3', `Row ${number} of the input has no request.`);
      const labels = Object.entries(asObject(body['labels'])).flat();
      if (!labels.every((text) => typeof text === 'string' && labelForm.test(text)))
        return fail('3', `Row ${number} of the input has a label that is none.`);
    }
  return engine.count(items)();
}

function render(
  outcome: Outcome,
  nowMs: number,
): { readonly output: string; readonly line: string } | undefined {
  const result =
    outcome.kind === 'answered'
      ? { status: '', response: outcome.body }
      : 'rendered' in outcome
        ? { status: statusOf(outcome.rendered), response: {} }
        : undefined;
  if (result === undefined) return undefined;
  const { item } = outcome;
  const row = {
    ...(item.id === '' ? {} : { custom_id: item.id }),
    status: result.status,
    processed_time: new Date(nowMs).toISOString().replace('Z', '+00:00'),
    request: item.body,
    response: result.response,
  };
  return { output: 'predictions.jsonl', line: JSON.stringify(row) };
}

function statusOf({ status, body }: { readonly status: number; readonly body: string }): string {
  return `${STATUS_CODES[status] ?? 'Error'}: ${body}`;
}

function stop(call: BatchCall, job: Job<Detail>): void {
  if (job.endedAtMs === undefined) {
    call.engine.cancel(job);
    call.send(200, {});
  } else refuseState(call, job);
}

/** Jobs that run cannot be deleted. */
function remove(call: BatchCall, job: Job<Detail>): void {
  if (job.endedAtMs === undefined) refuseState(call, job);
  else {
    job.detail.deleted = true;
    call.send(200, { name: `projects/${projectNumber}/operations/${call.engine.newId(16)}`, done: true });
  }
}

function refuseState(call: BatchCall, job: Job<Detail>): void {
  const message = `The job is in state ${stateOf(job)}.`;
  call.send(400, { error: { code: 400, status: 'FAILED_PRECONDITION', message } });
}

function list(call: BatchCall, location: string): void {
  const holds = readFilter(call.query.get('filter') ?? '');
  if (holds === undefined) {
    call.refuse('bad-request', 'Invalid filter.');
    return;
  }
  const found = call.engine
    .list(call.instance, isDetail)
    .filter(
      (job) =>
        !job.detail.deleted &&
        job.detail.location === location &&
        holds({ ...job.detail, state: stateOf(job) }),
    );
  const from = Number(call.query.get('pageToken') || 0);
  const next = from + Math.min(100, Number(call.query.get('pageSize') || 100));
  call.send(200, {
    ...(found.length === 0 ? {} : { batchPredictionJobs: found.slice(from, next).map(describe) }),
    ...(next < found.length ? { nextPageToken: String(next) } : {}),
  });
}
