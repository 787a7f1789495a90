/**
 * A reseller's batch jobs: `GET …/auth/validate`, `POST …/batch/jobs`, `GET …/batch/jobs/{id}`, and a call back at the end.
 *
 * There is no list and no cancel. All results come with the answer to a poll. The call back goes to this machine alone, signed with
 * `webhookSecret`. A key that begins with `revoked` is refused.
 */
import { createHmac } from 'node:crypto';
import { asArray, asObject, asString, isObject } from '../../core/json.ts';
import { createListSplitter } from '../../wire/json-list.ts';
import { splitLines } from '../../wire/jsonl.ts';
import { type Api, Refused } from '../apis/contract.ts';
import { openai } from '../apis/openai.ts';
import type { BatchApi, BatchCall, BatchEngine, Job, JobItem, Outcome } from './contract.ts';

export const webhookSecret = 'simulated-webhook-secret';
const signatureHeader = 'x-holysheep-signature';
const mostItems = 10_000;
const output = 'results';
const jobPath = /\/batch\/jobs(?:\/([^/]+))?$/;
const validatePath = /\/auth\/validate$/;

interface Detail {
  readonly kind: 'reseller-job';
}
type ResellerJob = Job<Detail>;

const isDetail = (detail: unknown): detail is Detail => isObject(detail) && detail['kind'] === 'reseller-job';

const api: Api = {
  ...openai,
  id: 'jobs',
  match: () => undefined,
  authorized: ({ authorization }) => /^Bearer (?!revoked)\S+/.test(authorization ?? ''),
};

export const resellerJobs: BatchApi = {
  api,
  claims: (method, path) =>
    (method === 'GET' && validatePath.test(path)) ||
    ((method === 'GET' || method === 'POST') && jobPath.test(path)),
  async serve(call) {
    if (validatePath.test(call.path)) return call.send(200, { valid: true });
    const id = jobPath.exec(call.path)?.[1];
    if (call.method === 'POST' && id === undefined) return create(call);
    const job = id === undefined ? undefined : call.engine.find(call.instance, id, isDetail);
    if (job === undefined) return call.refuse('not-found', 'No such batch.');
    return poll(call, job);
  },
};

async function create(call: BatchCall): Promise<void> {
  const { engine, instance } = call;
  const id = `job_${engine.newId(20)}`;
  const read: Read = { total: 0, firstId: '', around: {} };
  let spooled: () => AsyncIterable<readonly JobItem[]>;
  try {
    spooled = await engine.spool(`${instance}/jobs/${id}/items`, readItems(call, read));
  } catch (thrown) {
    if (thrown instanceof Refused) return call.refuse(thrown.refusal, thrown.message);
    throw thrown;
  }
  const model = asString(read.around['model']);
  const webhook = asString(read.around['webhook']);
  if (model === undefined) return call.refuse('bad-request', 'model is required');
  if (webhook !== undefined && !isHere(webhook))
    return call.refuse('bad-request', 'webhook: the stand-in calls 127.0.0.1 alone');
  const format = read.around['response_format'];
  const items = (): AsyncIterable<readonly JobItem[]> => asChats(spooled(), model, format);
  const count = engine.count(items);
  const counted = await count();
  const tokens = counted.ok ? counted.inputTokens : 0;
  if (engine.shortOf(instance, model, tokens) !== undefined) return call.refuse('rate-limit');
  const ourId = /^(s[a-z0-9]{11})-/.exec(read.firstId)?.[1];
  const created = engine.create<Detail>({
    id,
    api,
    instance,
    model,
    matched: { operation: 'chat' },
    ...(ourId === undefined ? {} : { ourId }),
    detail: { kind: 'reseller-job' },
    items,
    check: count,
    render(outcome) {
      const line = lineOf(outcome);
      return line === undefined ? undefined : { output, line: JSON.stringify(line) };
    },
  });
  if (created.fate === 'fail') return call.refuse('server-error');
  // What it reads is gone where the simulator was closed meanwhile.
  if (webhook !== undefined) callBack(engine, created.job, webhook).catch(() => {});
  if (created.fate === 'lose') return call.lose();
  call.send(200, { batch_id: id });
}

interface Read {
  total: number;
  firstId: string;
  around: Readonly<Record<string, unknown>>;
}

async function* readItems(call: BatchCall, read: Read): AsyncGenerator<readonly JobItem[], void, undefined> {
  const splitter = createListSplitter('items');
  const seen = new Set<string>();
  for await (const chunk of call.incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    const handful = splitter.push(chunk).map((text) => readItem(text, seen));
    read.total += handful.length;
    if (read.total > mostItems) throw new Refused('bad-request', `at most ${mostItems} items a job`);
    if (read.firstId === '') read.firstId = handful[0]?.id ?? '';
    yield handful;
  }
  const around = splitter.end();
  if (around === undefined) throw new Refused('bad-request', 'The body is not valid JSON.');
  if (read.total === 0) throw new Refused('bad-request', 'items is required');
  read.around = around;
}

function readItem(text: string, seen: Set<string>): JobItem {
  const item = asObject(JSON.parse(text));
  const id = asString(item['id']) ?? '';
  const content = asString(item['content']);
  if (id === '' || content === undefined)
    throw new Refused('bad-request', 'items: id and content are required');
  if (seen.has(id)) throw new Refused('bad-request', `items: the id ${id} is there twice`);
  seen.add(id);
  return { id, body: { messages: [{ role: 'user', content }] } };
}

async function* asChats(
  items: AsyncIterable<readonly JobItem[]>,
  model: string,
  format: unknown,
): AsyncGenerator<readonly JobItem[], void, undefined> {
  const more = { model, ...(format === undefined ? {} : { response_format: format }) };
  for await (const handful of items)
    yield handful.map(({ id, body }) => ({ id, body: { ...body, ...more } }));
}

/** What is not done is not told. */
function lineOf(outcome: Outcome): object | undefined {
  const { id } = outcome.item;
  switch (outcome.kind) {
    case 'answered': {
      const answer = asObject(outcome.body);
      const message = asObject(asObject(asArray(answer['choices'])[0])['message']);
      return { id, content: message['content'], usage: answer['usage'] };
    }
    case 'invalid':
    case 'error':
      return { id, error: asObject(JSON.parse(outcome.rendered.body))['error'] };
    case 'expired':
    case 'cancelled':
      return undefined;
  }
}

async function poll(call: BatchCall, job: ResellerJob): Promise<void> {
  const waitS = call.engine.throttled(call.instance, job.model);
  if (waitS !== undefined) return call.refuse('rate-limit', '', { retryAfterS: waitS });
  if (job.endedAtMs === undefined) return call.send(200, { batch_id: job.id, status: 'processing' });
  if (job.state === 'failed')
    return call.send(200, {
      batch_id: job.id,
      status: 'failed',
      error: job.problems[0]?.message ?? 'failed',
    });
  call.outgoing.writeHead(200, { 'content-type': 'application/json' });
  call.outgoing.write(`{"batch_id":"${job.id}","status":"completed","results":[`);
  for await (const part of resultParts(call.engine, job)) call.outgoing.write(part);
  call.outgoing.end(']}');
}

/** A line that was cut cannot stand in a list: it is there as a text. */
async function* resultParts(engine: BatchEngine, job: ResellerJob): AsyncGenerator<string, void, undefined> {
  const object = job.outputs[output];
  if (object === undefined) return;
  let first = true;
  for await (const lines of splitLines(engine.objects.read(object.key))) {
    const texts = lines.map(({ text }) => asElement(text?.toString('utf8') ?? ''));
    yield (first ? '' : ',') + texts.join(',');
    first = false;
  }
}

function asElement(line: string): string {
  try {
    JSON.parse(line);
    return line;
  } catch {
    return JSON.stringify(line);
  }
}

function isHere(url: string): boolean {
  return URL.canParse(url) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
}

const lookAgainMs = 25;
/** A job that is stuck, or whose simulator was closed, is not waited for without end. */
const mostLooks = 144_000;
const mostCalls = 3;

async function callBack(engine: BatchEngine, job: ResellerJob, url: string): Promise<void> {
  for (let look = 0; job.endedAtMs === undefined; look++) {
    if (look >= mostLooks) return;
    // Nobody's exit waits for it.
    await new Promise<void>((resolve) => void setTimeout(resolve, lookAgainMs).unref());
  }
  const parts: string[] = [];
  for await (const part of resultParts(engine, job)) parts.push(part);
  const body = `{"batch_id":"${job.id}","results":[${parts.join('')}]}`;
  const signature = createHmac('sha256', webhookSecret).update(body).digest('hex');
  for (let turn = 0; turn < mostCalls; turn++) {
    try {
      const headers = { 'content-type': 'application/json', [signatureHeader]: signature };
      const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'error' });
      await answer.body?.cancel();
      if (answer.ok) return;
    } catch {
      // Nobody was there; the next turn may find them.
    }
  }
}
