/** A request as it is kept: what its answer takes later, and no more of what came with it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ScannedBody } from '../../core/body.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Facts } from '../../core/facts.ts';
import { present } from '../../core/present.ts';
import type { NewQueuedRequest, Way } from '../../queue/contract.ts';
import { groupOf } from '../../queue/group.ts';
import { rankOf } from '../../queue/lanes.ts';
import type { Caller, Route } from '../../router/contract.ts';
import { editBody } from '../../wire/json-scan.ts';
import type { Dialect } from '../dialects/contract.ts';
import type { Terms } from '../terms.ts';

export interface Keeping {
  readonly id: string;
  readonly dialect: Dialect;
  readonly operation: NewQueuedRequest['operation'];
  readonly route: Route;
  readonly caller: Caller | undefined;
  readonly facts: Facts;
  readonly body: ScannedBody;
  readonly headers: IncomingHttpHeaders;
  readonly terms: Terms;
  readonly deadlineMs: number;
  readonly way: Way;
  readonly webhookUrl: string | undefined;
  readonly nowMs: number;
}

export function requestToKeep(keeping: Keeping): NewQueuedRequest {
  const { id, dialect, operation, route, caller, facts, terms, way, webhookUrl, nowMs } = keeping;
  const { tags, priority } = terms;
  const request = {
    id,
    owner: caller?.key ?? '',
    ...present({ team: caller?.team }),
    dialect: dialect.id,
    operation,
    model: facts.model,
    route: route.name,
    body: wholeBody(keeping.body, facts.stream),
    headers: headersToKeep(keeping.headers, dialect, route),
    tags,
    priority,
    way,
    inputTokens: facts.inputTokens,
    createdAtMs: nowMs,
    deadlineAtMs: nowMs + keeping.deadlineMs,
    dueAtMs: nowMs,
    rankMs: rankOf({ priority, createdAtMs: nowMs, deadlineAtMs: nowMs + keeping.deadlineMs }),
    ...present({
      webhook: webhookUrl === undefined ? undefined : { url: webhookUrl },
      idempotencyKey: readKey(keeping.headers),
    }),
  };
  return { ...request, group: groupOf(request) };
}

const byteOrderMark = '\u00ef\u00bb\u00bf';

/** There is nobody to stream to. */
function wholeBody(body: ScannedBody, stream: boolean): Uint8Array {
  const bytes = stream ? editBody(body, { remove: ['stream', 'stream_options'] }) : body.bytes;
  return body.latin1.startsWith(byteOrderMark) ? bytes.subarray(byteOrderMark.length) : bytes;
}

/** Never kept, whatever a rule asks for: who sent it is known already. */
const secret = new Set(['authorization', 'x-api-key', 'cookie', 'proxy-authorization']);

/** What goes on to a target that speaks the dialect, and what the route's rules look at. */
function headersToKeep(
  headers: IncomingHttpHeaders,
  { forwardedHeaders }: Dialect,
  { rules }: Route,
): Readonly<Record<string, string>> {
  // What its caller wants of kept answers holds when its turn comes, too.
  const names = new Set([...forwardedHeaders, 'cache-control']);
  for (const { when } of rules) for (const name of Object.keys(when.headers ?? {})) names.add(name);
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string' && !secret.has(name)) kept[name] = value;
  }
  return kept;
}

const longestKey = 255;

function readKey(headers: IncomingHttpHeaders): string | undefined {
  const text = headers['idempotency-key'];
  if (text === undefined || text === '') return undefined;
  if (typeof text === 'string' && text.length <= longestKey) return text;
  throw new GatewayError('invalid_request', `idempotency-key is over ${longestKey} characters long.`);
}
