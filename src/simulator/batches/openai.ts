/** OpenAI's batches, and Azure's with their own spelling. */
import { asNumber, asObject, asString, isObject } from '../../core/json.ts';
import type { Operation } from '../apis/contract.ts';
import { azure, openai } from '../apis/openai.ts';
import type { BatchApi, BatchCall, Job, JobProblem, NewJob, Outcome } from './contract.ts';
import { fileKey, isPending, pageOf, serveFiles } from './openai-files.ts';
import { checkLines, firstModel, readItems } from './openai-lines.ts';

class Detail {
  readonly azure: boolean;
  readonly endpoint: string;
  readonly inputFileId: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly fileIds: Readonly<Record<string, string>>;
  lines = 0;

  constructor(options: Pick<Detail, 'azure' | 'endpoint' | 'inputFileId' | 'metadata' | 'fileIds'>) {
    this.azure = options.azure;
    this.endpoint = options.endpoint;
    this.inputFileId = options.inputFileId;
    this.metadata = options.metadata;
    this.fileIds = options.fileIds;
  }
}

const isDetail = (detail: unknown): detail is Detail => detail instanceof Detail;

const operations: Readonly<Record<string, Operation>> = {
  '/v1/chat/completions': 'chat',
  '/chat/completions': 'chat',
  '/v1/embeddings': 'embedding',
  '/embeddings': 'embedding',
};
const mostInputBytes = 209_715_200;

function batchApi(isAzure: boolean): BatchApi {
  return {
    api: isAzure ? azure : openai,
    claims: (_method, path, query, headers) => {
      const matched = matchPath(path);
      if (matched === undefined) return false;
      const legacy = matched.prefix === '/openai' && query.has('api-version');
      return (legacy || (matched.prefix === '/openai/v1' && headers['api-key'] !== undefined)) === isAzure;
    },
    async serve(call) {
      const matched = matchPath(call.path);
      if (matched === undefined) return;
      const { what, id, verb } = matched;
      if (what === 'files') return serveFiles(call, id, verb, isAzure);
      return serveBatches(call, id, verb, isAzure);
    },
  };
}

export const openaiBatches = batchApi(false);
export const azureBatches = batchApi(true);

function matchPath(path: string) {
  const match = /^((?:\/[\w-]+)*?)\/(files|batches)(?:\/([\w-]+))?(?:\/(content|cancel))?$/.exec(path);
  // Anthropic's batches end alike.
  if (match === null || match[1]?.endsWith('/messages') === true) return undefined;
  return { prefix: match[1] ?? '', what: match[2] ?? '', id: match[3], verb: match[4] };
}

async function serveBatches(
  call: BatchCall,
  id: string | undefined,
  verb: string | undefined,
  isAzure: boolean,
): Promise<void> {
  const { engine, instance, method, query } = call;
  if (id === undefined && method === 'POST') return create(call, isAzure);
  if (id === undefined) {
    const page = pageOf(engine.list(instance, isDetail), (job) => job.id, query, 20, batchJson);
    return call.send(200, page);
  }
  const job = engine.find(instance, id, isDetail);
  if (job === undefined)
    return call.refuse('bad-request', `No batch found with id '${id}'.`, { status: 404 });
  if (verb === 'cancel') {
    if (job.endedAtMs !== undefined)
      return call.refuse('bad-request', `Cannot cancel a batch with status '${job.state}'.`, { status: 409 });
    engine.cancel(job);
    return call.send(200, batchJson(job));
  }
  const wait = engine.throttled(instance, job.model);
  if (wait !== undefined) return call.refuse('rate-limit', '', { retryAfterS: wait });
  call.send(200, batchJson(job));
}

async function create(call: BatchCall, isAzure: boolean): Promise<void> {
  const { engine, instance } = call;
  const body = await call.readJson();
  if (body === undefined)
    return call.refuse('bad-request', 'We could not parse the JSON body of your request.');
  const wrong = wrongWith(body);
  if (wrong !== undefined) return call.refuse('bad-request', wrong);
  const endpoint = asString(body['endpoint']) ?? '';
  const inputFileId = asString(body['input_file_id']) ?? '';
  const key = fileKey(instance, inputFileId);
  const input = engine.objects.find(key);
  if (input === undefined)
    return call.refuse('bad-request', `The input file '${inputFileId}' was not found.`, { status: 404 });
  if (input.tags['purpose'] !== 'batch')
    return call.refuse('bad-request', `The input file '${inputFileId}' must have the purpose 'batch'.`);
  if (isPending(input, engine.now(), isAzure))
    return call.refuse('bad-request', `The input file '${inputFileId}' is not processed yet.`);
  const model = await firstModel(engine.objects, key);
  if (input.bytes > mostInputBytes)
    return call.refuse(
      'bad-request',
      `The batch input file is larger than the ${mostInputBytes} maximum for the ${model} model.`,
      { status: 413 },
    );
  const metadata = isObject(body['metadata']) ? stringsOf(body['metadata']) : null;
  const ourId = metadata === null ? undefined : Object.values(metadata).find((one) => /^s\w{11}$/.test(one));
  const job: NewJob<Detail> = {
    id: `batch_${engine.newId(32)}`,
    api: isAzure ? azure : openai,
    instance,
    model,
    matched: { operation: operations[endpoint] ?? 'chat' },
    ...(ourId === undefined ? {} : { ourId }),
    detail: new Detail({
      azure: isAzure,
      endpoint,
      inputFileId,
      metadata,
      fileIds: { output: `file-${engine.newId(24)}`, error: `file-${engine.newId(24)}` },
    }),
    items: () => readItems(engine.objects, key),
    check: () => checkLines(engine.objects, key, { endpoint, azure: isAzure }),
    render,
    problem: (problem) => toProblem(problem, model),
    outputKey: (output) => fileKey(instance, job.detail.fileIds[output] ?? output),
    // Seen at Azure: an error file that exists and is empty.
    ...(isAzure ? { emptyOutputs: ['error'] } : {}),
  };
  const created = engine.create(job);
  if (created.fate === 'fail') return call.refuse('server-error');
  if (created.fate === 'lose') return call.lose();
  call.send(isAzure && call.query.has('api-version') ? 201 : 200, batchJson(created.job));
}

function wrongWith(body: Readonly<Record<string, unknown>>): string | undefined {
  const { input_file_id: input, endpoint, completion_window: window, metadata } = body;
  if (typeof input !== 'string') return "Missing required parameter: 'input_file_id'.";
  if (typeof endpoint !== 'string') return "Missing required parameter: 'endpoint'.";
  if (operations[endpoint] === undefined) return `Invalid value: '${endpoint}' - 'endpoint'`;
  if (window !== '24h') return "Invalid value for 'completion_window': must be '24h'.";
  if (metadata !== undefined && metadata !== null) {
    const entries = Object.entries(asObject(metadata));
    if (entries.length > 16) return "Invalid 'metadata': too many properties, maximum is 16.";
    for (const [key, value] of entries)
      if (key.length > 64 || typeof value !== 'string' || value.length > 512)
        return `Invalid value for 'metadata.${key}'.`;
  }
  const keep = asObject(body['output_expires_after']);
  const seconds = asNumber(keep['seconds']);
  if (body['output_expires_after'] === undefined) return undefined;
  return keep['anchor'] === 'created_at' && seconds !== undefined && seconds >= 3_600 && seconds <= 2_592_000
    ? undefined
    : "Invalid value for 'output_expires_after'.";
}

function stringsOf(object: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, String(value)]));
}

function toProblem(problem: JobProblem, model: string): JobProblem {
  switch (problem.code) {
    case 'enqueued_tokens':
      return {
        code: 'token_limit_exceeded',
        message: `Enqueued token limit reached for ${model} in organization org-simulated00. ${problem.message} enqueued tokens. Please try again once some in_progress batches have been completed.`,
      };
    case 'jobs':
      return {
        code: 'token_limit_exceeded',
        message: `Too many batches are in progress. ${problem.message}.`,
      };
    case 'validation':
      return { code: 'invalid_json_line', message: 'This line is not parseable as valid JSON.', line: 1 };
    default:
      return problem;
  }
}

const unsaid = {
  expired: ['batch_expired', 'This request could not be executed before the completion window expired.'],
  cancelled: ['batch_cancelled', 'This request was not executed because the batch was cancelled.'],
} as const;

function render(outcome: Outcome, job: Job<Detail>): { output: string; line: string } {
  const count = ++job.detail.lines;
  const head = { id: `batch_req_${job.id.slice(6)}${count}`, custom_id: outcome.item.id };
  const requestId = `req_${job.number}_${count}`;
  switch (outcome.kind) {
    case 'answered': {
      const response = { status_code: 200, request_id: requestId, body: outcome.body };
      return { output: 'output', line: JSON.stringify({ ...head, response, error: null }) };
    }
    case 'invalid':
    case 'error': {
      const { status, body } = outcome.rendered;
      const response = { status_code: status, request_id: requestId, body: JSON.parse(body) };
      return { output: 'error', line: JSON.stringify({ ...head, response, error: null }) };
    }
    default: {
      const [code, message] = unsaid[outcome.kind];
      return { output: 'error', line: JSON.stringify({ ...head, response: null, error: { code, message } }) };
    }
  }
}

const states: Readonly<Record<Job['state'], string>> = {
  validating: 'validating',
  running: 'in_progress',
  finishing: 'finalizing',
  cancelling: 'cancelling',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'expired',
};

function batchJson(job: Job<Detail>): object {
  const { detail, counts, usage, outputs } = job;
  // Azure has been seen with capitals and ISO dates, and without: every other job has them.
  const odd = detail.azure && job.number % 2 === 1;
  const time = (ms: number | undefined): number | string | null =>
    ms === undefined ? null : odd ? new Date(ms).toISOString() : Math.floor(ms / 1000);
  const state = states[job.state];
  const when = (wanted: Job['state']): number | string | null =>
    job.state === wanted ? time(job.endedAtMs) : null;
  return {
    id: job.id,
    object: 'batch',
    ...(odd ? {} : { endpoint: detail.endpoint }),
    model: job.model,
    errors:
      job.problems.length === 0
        ? null
        : { object: 'list', data: job.problems.map((one) => ({ param: null, line: null, ...one })) },
    input_file_id: detail.inputFileId,
    completion_window: '24h',
    status: odd ? state.replace(/(?:^|_)./g, (word) => word.replace('_', '').toUpperCase()) : state,
    output_file_id: outputs['output'] === undefined ? null : (detail.fileIds['output'] ?? null),
    error_file_id: outputs['error'] === undefined ? null : (detail.fileIds['error'] ?? null),
    created_at: time(job.createdAtMs),
    in_progress_at: time(job.runningAtMs),
    expires_at: time(job.createdAtMs + 86_400_000),
    finalizing_at: time(job.finishingAtMs),
    completed_at: when('completed'),
    failed_at: when('failed'),
    expired_at: when('expired'),
    cancelling_at: time(job.cancellingAtMs),
    cancelled_at: when('cancelled'),
    request_counts:
      odd && counts.total === 0
        ? { total: null, completed: null, failed: null }
        : {
            total: counts.total,
            completed: counts.answered,
            failed: counts.failed + counts.expired + counts.cancelled,
          },
    ...(job.endedAtMs === undefined
      ? {}
      : {
          usage: {
            input_tokens: usage.inputTokens,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens: usage.outputTokens,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: usage.inputTokens + usage.outputTokens,
          },
        }),
    metadata: detail.metadata,
  };
}
