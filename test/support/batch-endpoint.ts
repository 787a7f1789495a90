/** What the suite for batch endpoints asks of them, and its small verbs: make a job, send it, wait for its end, read it. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { modelInfo } from '../../src/catalog/catalog.ts';
import type { GatewayError } from '../../src/core/errors.ts';
import type { ChatRequest } from '../../src/core/request.ts';
import type {
  BatchEndpoint,
  BatchJob,
  BatchLine,
  BatchResult,
  ChatEndpoint,
  JobStatus,
  Provider,
  Submitted,
} from '../../src/providers/contract.ts';
import type { Simulator } from '../../src/simulator/server.ts';

/** What a wire cannot do, with the reason why. */
export type SuiteCase =
  | 'embeddings'
  | 'expired-items'
  | 'expired-job'
  | 'item-errors'
  | 'shuffled'
  | 'cancelled-items'
  | 'validation-failure'
  | 'lost-create'
  | 'create-error'
  | 'poll-throttle'
  | 'enqueued-tokens'
  | 'broken-lines'
  | 'discard';

export interface BatchSubject {
  readonly name: string;
  /** What faults go by: the instance of the simulator that `open` points at. */
  readonly instance: string;
  readonly model: string;
  readonly embeddingModel?: string;
  /** Given to the provider as its credentials; it must turn up nowhere. */
  readonly secret: string;
  /** A provider whose batches are at `url` (`http://127.0.0.1:PORT`). */
  open(url: string): Provider;
  readonly skips?: Partial<Record<SuiteCase, string>>;
}

export interface Sent {
  readonly endpoint: BatchEndpoint;
  readonly job: BatchJob;
  readonly submitted: Submitted;
}

let jobs = 0;

export function newJob(items: number, bytes: number): BatchJob {
  // As ids are made, but in order, so that a failure can be told from another.
  const id = `s${(++jobs).toString(36).padStart(11, '0')}`;
  return { id, items, bytes, createdAtMs: Date.now() };
}

export function openChat(
  subject: BatchSubject,
  url: string,
): { readonly chat: ChatEndpoint; readonly endpoint: BatchEndpoint } {
  const provider = subject.open(url);
  const model = modelInfo(subject.model);
  const chat = provider.chat?.(model);
  const endpoint = provider.batch?.(model, 'chat');
  assert.ok(chat !== undefined && endpoint !== undefined, `${subject.name} offers no batches`);
  return { chat, endpoint };
}

export function chatRequest(model: string, text: string): ChatRequest {
  return {
    kind: 'chat',
    model,
    system: [],
    messages: [{ role: 'user', blocks: [{ type: 'text', text }] }],
    tools: [],
    maxOutputTokens: 64,
    stream: false,
    streamUsage: false,
    extensions: {},
  };
}

/** Lines of a job, their keys not their positions. */
export function linesOf(
  chat: ChatEndpoint,
  count: number,
  text = (key: number): string => `Question ${key}`,
): readonly BatchLine[] {
  return Array.from({ length: count }, (_, index) => {
    const key = 1_000 + index * 3;
    return { key, body: JSON.stringify(chat.encode(chatRequest(chat.model.id, text(key))).body) };
  });
}

export async function* handfuls<T>(all: readonly T[], size = 100): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

export async function send(endpoint: BatchEndpoint, lines: readonly BatchLine[]): Promise<Sent> {
  const job = newJob(
    lines.length,
    lines.reduce((sum, line) => sum + Buffer.byteLength(line.body), 0),
  );
  return { endpoint, job, submitted: await endpoint.submit(job, handfuls(lines)) };
}

export function handleOf({ submitted }: Sent): string {
  if (submitted.kind === 'accepted') return submitted.handle;
  return assert.fail(`the job was ${submitted.kind}: ${submitted.error.message}`);
}

type Ended = Extract<JobStatus, { kind: 'ended' }>;

/** Polls until it has ended; a poll takes a round trip, so this takes its time by itself. */
export async function ended(sent: Pick<Sent, 'endpoint' | 'job'>, handle: string): Promise<Ended> {
  const untilMs = Date.now() + 60_000;
  while (Date.now() < untilMs) {
    const status = await sent.endpoint.poll(handle, sent.job);
    if (status.kind === 'ended') return status;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return assert.fail('the job does not end');
}

export async function running(sent: Sent): Promise<string> {
  const handle = handleOf(sent);
  const untilMs = Date.now() + 20_000;
  while (Date.now() < untilMs) {
    const status = await sent.endpoint.poll(handle, sent.job);
    if (status.kind === 'running' && status.state === 'running') return handle;
    assert.equal(status.kind, 'running');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return assert.fail('the job does not run');
}

export async function readResults(
  { endpoint, job }: Pick<Sent, 'endpoint' | 'job'>,
  handle: string,
): Promise<readonly BatchResult[]> {
  const results: BatchResult[] = [];
  for await (const handful of endpoint.results(handle, job)) results.push(...handful);
  return results;
}

/** What a job of these lines comes to. */
export async function run(endpoint: BatchEndpoint, lines: readonly BatchLine[]) {
  const sent = await send(endpoint, lines);
  const handle = handleOf(sent);
  const status = await ended(sent, handle);
  return { ...sent, handle, status, results: await readResults(sent, handle) };
}

export const keysOf = (results: readonly BatchResult[]): readonly number[] =>
  results.flatMap((result) => (result.kind === 'unreadable' ? [] : [result.key]));

export const countOf = (results: readonly BatchResult[], kind: BatchResult['kind']): number =>
  results.filter((result) => result.kind === kind).length;

/** The words of an answer, as the sync endpoint reads them. */
export function textOf(chat: ChatEndpoint, body: unknown): string {
  let text = '';
  chat.readAnswer(body, (event) => {
    if (event.type === 'block-delta') text += event.text;
  });
  return text;
}

/** The same call, sync. */
export async function askSync(chat: ChatEndpoint, body: string): Promise<string> {
  const wire = await chat.request(body, { stream: false, headers: {} });
  const response = await fetch(wire.origin + wire.path, {
    method: wire.method,
    headers: wire.headers,
    body: wire.body,
  });
  return textOf(chat, await response.json());
}

/** An error as a log would have it, its causes too. */
export function assertTellsNo(secret: string, error: unknown): void {
  assert.ok(!inspect(error, { depth: 6 }).includes(secret), 'an error tells the secret');
}

export async function rejection(work: Promise<unknown>): Promise<GatewayError> {
  const { GatewayError } = await import('../../src/core/errors.ts');
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
    throw thrown;
  }
  return assert.fail('nothing was thrown');
}

/** Finds a job whose creation was lost; where only its results can tell, once they are there. */
export async function foundLater({ endpoint, job }: Sent, simulator: Simulator): Promise<string> {
  for (let tries = 0; tries < 20; tries++) {
    const found = await endpoint.find(job, async () => false);
    if (found.kind === 'found') return found.handle;
    assert.notEqual(found.kind, 'absent', 'the job is there and was not found');
    await simulator.finishJobs();
  }
  return assert.fail('the job was not found');
}
