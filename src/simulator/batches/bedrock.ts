/**
 * Bedrock's batch inference: jobs over lines in the S3 stand-in. One line file a job; a folder with one serves too.
 *
 * A role whose name ends in `-denied` may not read the bucket; so a job's failure for what is not in its input can be seen.
 */
import { asArray, asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { parseLine, splitLines } from '../../wire/jsonl.ts';
import { bedrock } from '../apis/bedrock.ts';
import { type Api, Refused } from '../apis/contract.ts';
import { tokensOf } from '../brain.ts';
import { type BedrockJob, listJobs, writeJob } from './bedrock-job.ts';
import type {
  BatchApi,
  BatchCall,
  BatchEngine,
  Checked,
  Job,
  JobItem,
  JobProblem,
  Outcome,
} from './contract.ts';
import { s3Key } from './s3.ts';

const isOurs = (detail: unknown): detail is BedrockJob => isObject(detail) && detail['kind'] === 'bedrock';
const paths = /^\/model-invocation-job(?:s|\/([^/]+)(\/stop)?)?$/;
const account = '111122223333';
const leastRecords = 100;
const mostRecords = 50_000;

export const bedrockBatches: BatchApi = {
  api: bedrock,
  claims: (_method, path) => paths.test(path),
  async serve(call) {
    const match = paths.exec(call.path);
    const id = match?.[1];
    if (id === undefined) {
      if (call.path.endsWith('jobs')) return listJobs(call, call.engine.list(call.instance, isOurs));
      return create(call);
    }
    const name = decodeURIComponent(id);
    const job = call.engine.find(call.instance, name.slice(name.lastIndexOf('/') + 1), isOurs);
    if (job === undefined)
      return fail(call, 404, 'ResourceNotFoundException', 'Could not find the model invocation job.');
    if (match?.[2] !== undefined) return stop(call, job);
    return get(call, job);
  },
};

function fail(call: BatchCall, status: number, type: string, message: string): void {
  call.send(status, { message }, { 'x-amzn-errortype': type });
}

async function get(call: BatchCall, job: Job<BedrockJob>): Promise<void> {
  const wait = call.engine.throttled(call.instance, job.model);
  if (wait !== undefined) {
    const headers = { 'x-amzn-errortype': 'ThrottlingException', 'retry-after': String(wait) };
    return call.send(429, { message: 'Rate exceeded' }, headers);
  }
  await writeManifest(call.engine, job);
  call.send(200, writeJob(job, call.engine.now()));
}

function stop(call: BatchCall, job: Job<BedrockJob>): void {
  if (job.endedAtMs === undefined) {
    call.engine.cancel(job);
    call.send(200, {});
  } else fail(call, 400, 'ConflictException', `The job is ${job.state} and cannot be stopped.`);
}

async function create(call: BatchCall): Promise<void> {
  const { engine, instance } = call;
  const wanted = (await call.readJson()) ?? {};
  const problem = problemOf(wanted);
  if (problem !== undefined) return fail(call, 400, 'ValidationException', problem);
  const token = asString(wanted['clientRequestToken']);
  const same = engine
    .list(instance, isOurs)
    .find(({ detail }) => token !== undefined && detail.token === token);
  if (same !== undefined) {
    if (JSON.stringify(same.detail.wanted) === JSON.stringify(wanted))
      return call.send(200, { jobArn: same.detail.arn });
    return fail(call, 400, 'ConflictException', 'The token was used with other parameters.');
  }
  const model = asString(wanted['modelId']) ?? '';
  if (engine.shortOf(instance, model, 0) === 'jobs')
    return fail(
      call,
      400,
      'ServiceQuotaExceededException',
      'The number of in-progress and submitted batch inference jobs exceeds the quota.',
    );
  const created = engine.create(specOf(call, wanted, model, token));
  if (created.fate === 'fail') return call.refuse('server-error');
  if (created.fate === 'lose') return call.lose();
  call.send(200, { jobArn: created.job.detail.arn });
}

function specOf(
  { engine, instance, headers }: BatchCall,
  wanted: Readonly<Record<string, unknown>>,
  model: string,
  token: string | undefined,
) {
  const id = engine.newId(12);
  const region =
    /\/([a-z0-9-]+)\/bedrock\/aws4_request/.exec(headers.authorization ?? '')?.[1] ?? 'us-east-1';
  const detail: BedrockJob = {
    kind: 'bedrock',
    arn: `arn:aws:bedrock:${region}:${account}:model-invocation-job/${id}`,
    name: asString(wanted['jobName']) ?? '',
    token,
    wanted,
    input: inputOf(wanted),
    output: `${keyOfUri(outputOf(wanted)).replace(/\/?$/, '/')}${id}/`,
  };
  const verb = wanted['modelInvocationType'] === 'Converse' ? 'converse' : 'invoke';
  const matched = bedrock.match(`/model/${encodeURIComponent(model)}/${verb}`, new URLSearchParams(), {});
  const items = () => readItems(engine, detail);
  return {
    id,
    api: batchBedrock,
    instance,
    model,
    matched: matched ?? { operation: 'chat' as const, model, form: verb },
    ...(token === undefined ? {} : { ourId: token }),
    detail,
    items,
    check: () => check(engine, detail),
    render,
    problem: (problem: JobProblem): JobProblem =>
      problem.code === 'jobs' || problem.code === 'enqueued_tokens'
        ? { ...problem, message: `The job exceeds a quota of the account. ${problem.message}` }
        : problem,
    outputKey: (output: string) => `${detail.output}${output}`,
  };
}

/** AWS’s page on batch inference rules both out. */
const batchBedrock: Api = {
  ...bedrock,
  read(matched, body) {
    for (const field of ['tools', 'toolConfig', 'output_format', 'output_config', 'outputConfig'])
      if (body[field] !== undefined)
        throw new Refused(
          'bad-request',
          `${field}: Tool use and structured output are not supported in batch.`,
        );
    return bedrock.read(matched, body);
  },
};

const inputOf = (wanted: Readonly<Record<string, unknown>>): string =>
  asString(asObject(asObject(wanted['inputDataConfig'])['s3InputDataConfig'])['s3Uri']) ?? '';
const outputOf = (wanted: Readonly<Record<string, unknown>>): string =>
  asString(asObject(asObject(wanted['outputDataConfig'])['s3OutputDataConfig'])['s3Uri']) ?? '';

function keyOfUri(uri: string): string {
  const [bucket = '', ...rest] = uri.slice('s3://'.length).split('/');
  return s3Key(bucket, rest.join('/'));
}

/** Patterns of the service's own description. */
const patterns = {
  jobName: /^(?=.{1,63}$)[a-zA-Z0-9]{1,63}(?:-*[a-zA-Z0-9+\-.]){0,63}$/,
  roleArn: /^arn:aws(?:-[^:]+)?:iam::(?:[0-9]{12})?:role\/.+$/,
  modelId: /^\S{1,2048}$/,
};
const uri =
  /^s3:\/\/[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:\/[-!_*'().a-z0-9A-Z]+(?:\/[-!_*'().a-z0-9A-Z]+)*)?\/?$/;

function problemOf(wanted: Readonly<Record<string, unknown>>): string | undefined {
  for (const [field, pattern] of Object.entries(patterns))
    if (!pattern.test(asString(wanted[field]) ?? ''))
      return `Value at '${field}' failed to satisfy constraint.`;
  if (!uri.test(inputOf(wanted)) || !uri.test(outputOf(wanted)))
    return 'The input and output locations must be S3 URIs.';
  const token = wanted['clientRequestToken'];
  if (token !== undefined && !/^[a-zA-Z0-9]{1,256}(?:-*[a-zA-Z0-9]){0,256}$/.test(asString(token) ?? ''))
    return "Value at 'clientRequestToken' failed to satisfy constraint.";
  const hours = wanted['timeoutDurationInHours'];
  if (hours !== undefined && !((asNumber(hours) ?? 0) >= 24 && (asNumber(hours) ?? 0) <= 168))
    return "Value at 'timeoutDurationInHours' failed to satisfy constraint: must be from 24 to 168.";
  const type = wanted['modelInvocationType'];
  if (type !== undefined && type !== 'InvokeModel' && type !== 'Converse')
    return "Value at 'modelInvocationType' failed to satisfy constraint: [InvokeModel, Converse]";
  return asArray(wanted['tags']).length > 200 ? 'Too many tags.' : undefined;
}

/** The line files of the input: the named one, or all below the folder. */
function filesOf(engine: BatchEngine, { input }: BedrockJob): readonly string[] {
  const key = keyOfUri(input);
  if (engine.objects.find(key) !== undefined) return [key];
  return engine.objects
    .list(key.replace(/\/?$/, '/'))
    .map((object) => object.key)
    .filter((one) => one.endsWith('.jsonl'));
}

async function* readItems(
  engine: BatchEngine,
  detail: BedrockJob,
): AsyncGenerator<readonly JobItem[], void, undefined> {
  for (const key of filesOf(engine, detail))
    for await (const lines of splitLines(engine.objects.read(key), Number.POSITIVE_INFINITY))
      yield lines.map((line) => {
        const row = asObject(parseLine(line));
        // A record without an id is given one.
        const id = asString(row['recordId']) ?? `REC${String(line.number).padStart(8, '0')}`;
        return { id, body: asObject(row['modelInput']) };
      });
}

/** What AWS checks: the access, the envelope, the numbers. Not whether a body is one of the model's. */
async function check(engine: BatchEngine, detail: BedrockJob): Promise<Checked> {
  const wrong = (code: string, message: string): Checked => ({ ok: false, problems: [{ code, message }] });
  if (/-denied$/.test(asString(detail.wanted['roleArn']) ?? ''))
    return wrong('role', 'The provided role does not have permission to access the input S3 location.');
  const files = filesOf(engine, detail);
  const [file] = files;
  if (file === undefined || !file.endsWith('.jsonl'))
    return wrong('input', `There is no .jsonl file at ${detail.input}.`);
  if (files.length > 1) return wrong('input', 'The simulator takes one input file a job.');
  let items = 0;
  let inputTokens = 0;
  for await (const lines of splitLines(engine.objects.read(file), Number.POSITIVE_INFINITY)) {
    for (const line of lines) {
      const row = parseLine(line);
      if (!isObject(row) || !isObject(row['modelInput']))
        return wrong('record', `Record ${line.number} is not a JSON object with a modelInput object.`);
      const id = row['recordId'];
      if (id !== undefined && !/^[a-zA-Z0-9]{1,64}$/.test(asString(id) ?? ''))
        return wrong('record', `The recordId of record ${line.number} is not alphanumeric.`);
      items += 1;
      inputTokens += tokensOf(line.bytes);
    }
  }
  if (items < leastRecords)
    return wrong(
      'records',
      `Batch job contains less records (${items}) than the required minimum of: ${leastRecords}`,
    );
  if (items > mostRecords)
    return wrong('records', `Batch job contains more records (${items}) than the maximum of: ${mostRecords}`);
  return { ok: true, items, inputTokens };
}

/** What was not processed is in no file. */
function render(outcome: Outcome, { detail }: Job<BedrockJob>): { output: string; line: string } | undefined {
  const { item } = outcome;
  const row = { recordId: item.id, modelInput: item.body };
  const output = `${fileName(detail)}.out`;
  switch (outcome.kind) {
    case 'expired':
    case 'cancelled':
      return undefined;
    case 'answered':
      return { output, line: JSON.stringify({ ...row, modelOutput: outcome.body }) };
    default: {
      const { status, body } = outcome.rendered;
      const errorMessage = asString(asObject(JSON.parse(body))['message']) ?? '';
      return { output, line: JSON.stringify({ ...row, error: { errorCode: status, errorMessage } }) };
    }
  }
}

const fileName = ({ input }: BedrockJob): string =>
  input.endsWith('.jsonl') ? input.slice(input.lastIndexOf('/') + 1) : 'input.jsonl';

/** Beside the answers, once there are any. */
async function writeManifest(engine: BatchEngine, { detail, endedAtMs, counts, usage }: Job<BedrockJob>) {
  const key = `${detail.output}manifest.json.out`;
  if (endedAtMs === undefined || counts.total === 0 || engine.objects.find(key) !== undefined) return;
  const manifest = {
    totalRecordCount: counts.total,
    processedRecordCount: counts.answered + counts.failed,
    successRecordCount: counts.answered,
    errorRecordCount: counts.failed,
    inputTokenCount: usage.inputTokens,
    outputTokenCount: usage.outputTokens,
  };
  async function* bytes() {
    yield Buffer.from(JSON.stringify(manifest));
  }
  await engine.objects.write(key, bytes());
}
