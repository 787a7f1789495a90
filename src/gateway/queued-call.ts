/** A request that was kept, as the router sees one: read anew from its bytes, by the dialect in which it came. */

import type { ScannedBody } from '../core/body.ts';
import { GatewayError } from '../core/errors.ts';
import { decimalDollars } from '../core/price.ts';
import type { Mode } from '../core/target.ts';
import type { QueuedRequest } from '../queue/contract.ts';
import type { Caller, Served } from '../router/contract.ts';
import type { AnswerableCall } from '../router/kept-answer.ts';
import { editBody, scanBody } from '../wire/json-scan.ts';
import { answerableChat, answerableEmbedding, drawOf } from './batches/item-call.ts';
import { createCallOn } from './call.ts';
import type { AnyDialect } from './dialects/contract.ts';
import { QueuedCache, type QueuedCacheWorld } from './queued-cache.ts';
import { headerTable, servedHeaders } from './reply-headers.ts';
import type { Terms } from './terms.ts';

/** What a worker can call. */
const workerModes: ReadonlySet<Mode> = new Set(['sync', 'flex', 'queue']);
/** Asked for by whoever holds a line, which nobody does. */
const ofStreams = ['stream', 'stream_options'];
/** Of a provider's answer to a connection that is long gone. */
const stale = /ratelimit/;

export interface QueuedCallOptions {
  readonly dialects: readonly AnyDialect[];
  /** Of this try of it. */
  readonly id: string;
  readonly nowMs: number;
  readonly caller: Caller | undefined;
  readonly cache: QueuedCacheWorld;
  /** Of a body, for a model. */
  readonly hash: (model: string, body: ScannedBody) => string;
}

/** As the workers ask for it. */
export interface QueuedCall extends AnswerableCall, Pick<QueuedCache, 'keepFor'> {
  /** `free`: it was given before, or to another, and costs this one nothing; what is told of that. */
  headersOf(served: Served, free?: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
  same(): string;
  findAgain: QueuedCache['find'];
}

/** Throws `GatewayError` where it cannot be read any more. */
export function createQueuedCall(request: QueuedRequest, options: QueuedCallOptions): QueuedCall {
  const { dialects, id, nowMs, hash, cache } = options;
  const dialect = dialects.find((one) => one.id === request.dialect);
  if (dialect === undefined || dialect.operation === 'count-tokens')
    throw new GatewayError('unsupported', `Nothing is served in ${request.dialect} any more.`);
  const body = wholeBody(Buffer.from(request.body.buffer, request.body.byteOffset, request.body.byteLength));
  const terms: Terms = {
    tags: request.tags,
    priority: request.priority,
    budgetMs: Math.max(0, request.deadlineAtMs - nowMs),
  };
  const input = {
    id,
    facts: { ...dialect.inspect(body), stream: false },
    body,
    headers: request.headers,
    // Of the request, not of the try: one that is asked again takes the same place in weighted steps.
    draw: drawOf(request.id),
    nowMs,
    caller: options.caller,
  };
  const more = {
    modes: workerModes,
    headersOf: (served: Served, free?: Readonly<Record<string, string>>) =>
      headersOf(served, request.id, free),
    same: () => `${dialect.id}\n${hash(request.model, body)}`,
  };
  if (dialect.operation === 'chat') {
    const call = createCallOn(terms, { ...input, dialect });
    return {
      ...call,
      ...answerableChat(dialect, call, request.id, nowMs),
      ...more,
      ...againOf(new QueuedCache(cache, { ...call, modes: workerModes })),
    };
  }
  const call = createCallOn(terms, { ...input, dialect });
  return {
    ...call,
    ...answerableEmbedding(dialect, call),
    ...more,
    ...againOf(new QueuedCache(cache, { ...call, modes: workerModes })),
  };
}

function againOf(cache: QueuedCache): Pick<QueuedCall, 'findAgain' | 'keepFor'> {
  return {
    findAgain: (route, sink) => cache.find(route, sink),
    keepFor: (route, target) => cache.keepFor(route, target),
  };
}

function wholeBody(bytes: Buffer): ScannedBody {
  const body = scanBody(bytes);
  const remove = ofStreams.filter((name) => body.fields.has(name));
  return remove.length === 0 ? body : scanBody(editBody(body, { remove }));
}

function headersOf(
  served: Served,
  id: string,
  free: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const table = headerTable(servedHeaders(served, id));
  for (const name in table) if (stale.test(name)) delete table[name];
  if (free === undefined) return table;
  if (table['x-intermodal-cost'] !== undefined) table['x-intermodal-cost'] = decimalDollars(0);
  return { ...table, ...free };
}
