/** A request that waits, and its answer, as its caller is told of them. */
import type { ServerResponse } from 'node:http';
import type { ListedRequest, QueuedRequest } from '../../queue/contract.ts';
import { statusOf } from '../../queue/status.ts';
import { type FlatHeaders, identityHeaders } from '../reply-headers.ts';

export const requestsPath = '/v1/requests';
/** Sooner nobody need ask again: for a worker's answer, and for a batch's. */
const againS = { queue: 2, batch: 30 } as const;

export function encodeRequest(request: ListedRequest): object {
  const { id, state, way, model, createdAtMs, deadlineAtMs, endedAtMs } = request;
  return {
    id,
    object: 'request',
    status: statusOf(state),
    model,
    way,
    created_at: seconds(createdAtMs),
    deadline_at: seconds(deadlineAtMs),
    ...(endedAtMs === undefined ? {} : { ended_at: seconds(endedAtMs) }),
  };
}

export const hasEnded = ({ endedAtMs }: QueuedRequest): boolean => endedAtMs !== undefined;

/** 202: it is kept, and this is where to ask. */
export function sendKept(
  outgoing: ServerResponse,
  requestId: string,
  request: QueuedRequest,
  headers: FlatHeaders = [],
): void {
  send(outgoing, requestId, 202, JSON.stringify(encodeRequest(request)), [
    'location',
    `${requestsPath}/${request.id}`,
    'retry-after',
    String(againS[request.way]),
    ...headers,
  ]);
}

/** What the caller would have got over a held line. False where it has no answer. */
export function sendAnswer(
  outgoing: ServerResponse,
  requestId: string,
  { answer }: QueuedRequest,
  headers: FlatHeaders = [],
): boolean {
  if (answer === undefined) return false;
  send(outgoing, requestId, answer.status, answer.body, [
    ...Object.entries(answer.headers).flat(),
    ...headers,
  ]);
  return true;
}

export function send(
  outgoing: ServerResponse,
  requestId: string,
  status: number,
  body: string,
  headers: FlatHeaders = [],
): void {
  outgoing.writeHead(status, [
    ...identityHeaders(requestId),
    ...headers,
    'content-type',
    'application/json',
    'content-length',
    String(Buffer.byteLength(body)),
    // It is one caller's, and will be another tomorrow.
    'cache-control',
    'no-store',
  ]);
  outgoing.end(body);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
