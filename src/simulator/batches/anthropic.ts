/**
 * Anthropic's Message Batches: `POST` and `GET /v1/messages/batches`, `GET` and `DELETE …/{id}`, `POST …/{id}/cancel`, `GET …/{id}/results`.
 *
 * As at the original, a batch is never refused for what is in its requests: their `params` are looked at when they run, and show as errored.
 * Counts stand in `processing` until all has ended. There is no failed batch: one that the engine fails ends with every item errored.
 */
import { asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { createListSplitter } from '../../wire/json-list.ts';
import { anthropic } from '../apis/anthropic.ts';
import { type Api, Refused } from '../apis/contract.ts';
import type { BatchApi, BatchCall, Job, JobItem, Outcome } from './contract.ts';

const mostItems = 100_000;
const mostBytes = 256_000_000;
const dayMs = 86_400_000;
/** Results are kept so long from the batch's creation; the batch itself stays. */
const resultsMs = 29 * dayMs;
/** What a poll of a running batch was seen to be told. */
const pollAgainS = 10;
const output = 'results';
const paths = /\/v1\/messages\/batches(?:\/([^/]+))?(?:\/(cancel|results))?$/;

interface Detail {
  readonly kind: 'message-batch';
  readonly items: () => AsyncIterable<readonly JobItem[]>;
  readonly total: number;
  deleted: boolean;
}
type MessageBatch = Job<Detail>;

const isDetail = (detail: unknown): detail is Detail =>
  isObject(detail) && detail['kind'] === 'message-batch';

export const anthropicBatches: BatchApi = {
  api: anthropic,
  claims: (_method, path) => paths.test(path),
  async serve(call) {
    if (call.headers['anthropic-version'] === undefined)
      return call.refuse('bad-request', 'anthropic-version: header is required');
    const [, id, verb = ''] = paths.exec(call.path) ?? [];
    if (id === undefined) {
      if (call.method === 'POST') return create(call);
      return call.method === 'GET' ? list(call) : noSuchMethod(call);
    }
    const job = call.engine.find(call.instance, decodeURIComponent(id), isDetail);
    if (job === undefined || job.detail.deleted)
      return call.refuse('not-found', `Message Batch ${id} was not found.`);
    switch (`${call.method} ${verb}`) {
      case 'GET ':
        return poll(call, job);
      case 'GET results':
        return sendResults(call, job);
      case 'POST cancel':
        if (isEnded(job)) return call.refuse('bad-request', `Message Batch ${id} has already ended.`);
        call.engine.cancel(job);
        return call.send(200, toJson(call, job));
      case 'DELETE ':
        if (!isEnded(job)) return call.refuse('bad-request', `Message Batch ${id} has not ended; cancel it.`);
        job.detail.deleted = true;
        for (const { key } of Object.values(job.outputs)) call.engine.objects.remove(key);
        return call.send(200, { id: job.id, type: 'message_batch_deleted' });
      default:
        return noSuchMethod(call);
    }
  },
};

const noSuchMethod = (call: BatchCall): void =>
  call.refuse('bad-request', 'Method Not Allowed', { status: 405 });

async function create(call: BatchCall): Promise<void> {
  const { engine, instance } = call;
  const id = `msgbatch_01${engine.newId(22)}`;
  const read = { total: 0, model: '', firstId: '' };
  let items: () => AsyncIterable<readonly JobItem[]>;
  try {
    items = await engine.spool(`${instance}/jobs/${id}/requests`, readRequests(call, read));
  } catch (thrown) {
    if (thrown instanceof TooLarge) return tooLarge(call);
    if (thrown instanceof Refused) return call.refuse(thrown.refusal, thrown.message);
    throw thrown;
  }
  const count = engine.count(items);
  const counted = await count();
  const tokens = counted.ok ? counted.inputTokens : 0;
  if (engine.shortOf(instance, read.model, tokens) !== undefined) return call.refuse('rate-limit');
  const ourId = /^(s[a-z0-9]{11})-/.exec(read.firstId)?.[1];
  const created = engine.create<Detail>({
    id,
    api: atItsTime(asString(call.headers['anthropic-version']) ?? ''),
    instance,
    model: read.model,
    matched: { operation: 'chat' },
    ...(ourId === undefined ? {} : { ourId }),
    detail: { kind: 'message-batch', items, total: read.total, deleted: false },
    items,
    check: count,
    render: (outcome) => ({ output, line: JSON.stringify(lineOf(outcome)) }),
  });
  if (created.fate === 'fail') return call.refuse('server-error');
  if (created.fate === 'lose') return call.lose();
  call.send(200, toJson(call, created.job));
}

class TooLarge extends Error {}

function tooLarge(call: BatchCall): void {
  const error = { type: 'request_too_large', message: 'Request exceeds the maximum size' };
  call.send(413, { type: 'error', error, request_id: 'req_refused' });
}

/** The requests, as their bytes come; what makes the whole of them unacceptable is thrown. */
async function* readRequests(
  call: BatchCall,
  read: { total: number; model: string; firstId: string },
): AsyncGenerator<readonly JobItem[], void, undefined> {
  const splitter = createListSplitter('requests');
  const seen = new Set<string>();
  let bytes = 0;
  for await (const chunk of call.incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > mostBytes) throw new TooLarge();
    const handful = splitter.push(chunk).map((text) => readRequest(text, read.total++, seen));
    if (read.total > mostItems)
      throw new Refused('bad-request', `requests: List should have at most ${mostItems} items`);
    const first = handful[0];
    if (first !== undefined && read.firstId === '') {
      read.firstId = first.id;
      read.model = asString(first.body['model']) ?? '';
    }
    yield handful;
  }
  const around = splitter.end();
  if (around === undefined) throw new Refused('bad-request', 'The request body is not valid JSON.');
  if (!Array.isArray(around['requests'])) throw new Refused('bad-request', 'requests: Field required');
  if (read.total === 0) throw new Refused('bad-request', 'requests: List should have at least 1 item');
}

function readRequest(text: string, index: number, seen: Set<string>): JobItem {
  const at = `requests.${index}`;
  const request = asObject(parse(text, at));
  const id = asString(request['custom_id']);
  if (id === undefined) throw new Refused('bad-request', `${at}.custom_id: Field required`);
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(id))
    throw new Refused('bad-request', `${at}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'`);
  if (seen.has(id)) throw new Refused('bad-request', `${at}.custom_id: Duplicate custom_id`);
  seen.add(id);
  const body = request['params'];
  if (!isObject(body)) throw new Refused('bad-request', `${at}.params: Field required`);
  return { id, body };
}

function parse(text: string, at: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refused('bad-request', `${at}: Invalid JSON`);
  }
}

/** The stand-in of single messages, with what batches do not take and what a version of the API no longer takes. */
function atItsTime(version: string): Api {
  return {
    ...anthropic,
    read(matched, body) {
      for (const field of ['stream', 'speed'])
        if ((body[field] ?? false) !== false)
          throw new Refused('bad-request', `${field}: not supported in a Message Batch`);
      if (asNumber(body['max_tokens']) === 0)
        throw new Refused('bad-request', 'max_tokens: must be greater than 0 in a Message Batch');
      for (const field of ['temperature', 'top_p', 'top_k'])
        if (version >= '2026-10-21' && body[field] !== undefined)
          throw new Refused('bad-request', `${field}: Extra inputs are not permitted`);
      return anthropic.read(matched, body);
    },
  };
}

function lineOf(outcome: Outcome): object {
  const { id } = outcome.item;
  switch (outcome.kind) {
    case 'answered': {
      const message = asObject(outcome.body);
      const usage = { ...asObject(message['usage']), service_tier: 'batch' };
      return { custom_id: id, result: { type: 'succeeded', message: { ...message, usage } } };
    }
    case 'invalid':
    case 'error':
      return { custom_id: id, result: { type: 'errored', error: errorOf(outcome.rendered.body) } };
    case 'cancelled':
      return { custom_id: id, result: { type: 'canceled' } };
    case 'expired':
      return { custom_id: id, result: { type: 'expired' } };
  }
}

/** The error of a sync call, envelope and all: it is nested twice. */
function errorOf(body: string): object {
  const error: unknown = asObject(JSON.parse(body))['error'];
  return { type: 'error', error, request_id: null };
}

const isEnded = ({ endedAtMs }: MessageBatch): boolean => endedAtMs !== undefined;
const isArchived = (call: BatchCall, { createdAtMs }: MessageBatch): boolean =>
  call.engine.now() >= createdAtMs + resultsMs;

function poll(call: BatchCall, job: MessageBatch): void {
  const waitS = call.engine.throttled(call.instance, job.model);
  if (waitS !== undefined) call.refuse('rate-limit', '', { retryAfterS: waitS });
  else call.send(200, toJson(call, job), isEnded(job) ? {} : { 'retry-after': String(pollAgainS) });
}

function toJson(call: BatchCall, job: MessageBatch): object {
  const ended = isEnded(job);
  const archived = isArchived(call, job);
  const { answered, failed, cancelled, expired } = job.counts;
  const prefix = /^\/~[^/]+/.exec(call.incoming.url ?? '')?.[0] ?? '';
  const host = call.headers.host ?? '127.0.0.1';
  return {
    id: job.id,
    type: 'message_batch',
    processing_status: ended ? 'ended' : job.state === 'cancelling' ? 'canceling' : 'in_progress',
    request_counts: {
      processing: ended ? 0 : job.detail.total,
      succeeded: ended ? answered : 0,
      errored: ended ? (job.state === 'failed' ? job.detail.total : failed) : 0,
      canceled: ended ? cancelled : 0,
      expired: ended ? expired : 0,
    },
    ended_at: time(job.endedAtMs),
    created_at: time(job.createdAtMs),
    expires_at: time(job.createdAtMs + dayMs),
    archived_at: archived ? time(job.createdAtMs + resultsMs) : null,
    cancel_initiated_at: time(job.cancellingAtMs),
    results_url: ended && !archived ? `http://${host}${prefix}/v1/messages/batches/${job.id}/results` : null,
  };
}

/** To the microsecond, with an offset. */
const time = (ms: number | undefined): string | null =>
  ms === undefined ? null : new Date(ms).toISOString().replace('Z', '758+00:00');

function list(call: BatchCall): void {
  const { query } = call;
  const limit = Number(query.get('limit') ?? '20');
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    call.refuse('bad-request', 'limit: Input should be between 1 and 1000');
    return;
  }
  const all = call.engine.list(call.instance, isDetail).filter(({ detail }) => !detail.deleted);
  const [after, before] = [query.get('after_id'), query.get('before_id')];
  const index = (id: string): number => all.findIndex((job) => job.id === id);
  const end = before === null ? all.length : Math.max(0, index(before));
  const begin = after !== null ? index(after) + 1 : before !== null ? Math.max(0, end - limit) : 0;
  const page = all.slice(begin, Math.min(end, begin + limit));
  call.send(200, {
    data: page.map((job) => toJson(call, job)),
    has_more: before === null ? begin + limit < all.length : begin > 0,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  });
}

async function sendResults(call: BatchCall, job: MessageBatch): Promise<void> {
  if (!isEnded(job) || isArchived(call, job))
    return call.refuse('not-found', `The results of Message Batch ${job.id} are not available.`);
  const headers = {
    'content-type': 'application/x-jsonl',
    'content-disposition': `attachment; filename="${job.id}_results.jsonl"`,
  };
  const object = job.outputs[output];
  if (object !== undefined) return call.sendObject(object, headers);
  call.outgoing.writeHead(200, headers);
  if (job.state === 'failed')
    for await (const handful of job.detail.items())
      for (const item of handful) call.outgoing.write(`${JSON.stringify(failedLine(item))}\n`);
  call.outgoing.end();
}

function failedLine(item: JobItem): object {
  return lineOf({ kind: 'error', item, rendered: anthropic.refuse('server-error', '', {}) });
}
