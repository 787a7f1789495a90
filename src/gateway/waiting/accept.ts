/**
 * Requests whose callers need not wait for the answer (`Prefer: respond-async`): kept, and answered with 202 and where to ask. Kept means
 * durable: a caller that has its 202 has its answer, whatever becomes of this process. What has too little time for that is called at once.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { ScannedBody } from '../../core/body.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Facts } from '../../core/facts.ts';
import type { ChatRequest, EmbeddingRequest } from '../../core/request.ts';
import type { Caller, Route } from '../../router/contract.ts';
import { type CallInput, createCall } from '../call.ts';
import type { ChatDialect, EmbeddingDialect } from '../dialects/contract.ts';
import type { Ended } from '../ended.ts';
import { readTerms } from '../terms.ts';
import type { GatewayWorld } from '../world.ts';
import { hold } from './hold.ts';
import { requestToKeep } from './keep.ts';
import { readAsyncWish, type Wish } from './prefer.ts';
import { hasEnded, requestsPath, sendAnswer, sendKept } from './request-object.ts';
import type { Waiting } from './waiting.ts';
import { type Waitable, wayOf } from './way-of.ts';

const fullRetryMs = 30_000;

export interface Offered {
  readonly id: string;
  readonly dialect: ChatDialect | EmbeddingDialect;
  readonly facts: Facts;
  readonly body: ScannedBody;
  readonly headers: IncomingHttpHeaders;
  readonly draw: number;
  readonly nowMs: number;
  readonly caller: Caller | undefined;
  readonly route: Route;
  readonly outgoing: ServerResponse;
}

/** Nothing where the caller holds the line, or is to: it is then served as all others. Throws what is wrong with it. */
export async function acceptToWait(world: GatewayWorld, offered: Offered): Promise<Ended | undefined> {
  const { waiting } = world;
  const wish = waiting === undefined ? undefined : readAsyncWish(offered.headers);
  if (waiting === undefined || wish === undefined) return undefined;
  const { dialect, facts, route, headers, nowMs } = offered;
  const terms = readTerms(headers);
  const sight = { world: world.walk.sight, batchable: waiting.batchable.bind(waiting) };
  const { way, why, deadlineMs } = wayOf(sight, decodable(offered), route, wish);
  if (way === 'sync') return undefined;
  const webhookUrl = readWebhook(headers, waiting);
  refuseWhenFull(waiting, world.queue?.health().waiting ?? 0);
  const { request, replayed } = await waiting.desk.add(
    requestToKeep({
      id: world.makeId('areq_'),
      dialect,
      operation: dialect.operation,
      route,
      caller: offered.caller,
      facts,
      body: offered.body,
      headers,
      terms,
      deadlineMs,
      way,
      webhookUrl,
      nowMs,
    }),
  );
  const ended = await reply(world, waiting, offered, wish, request, replayed);
  return { ...ended, notes: { waiting: { request: request.id, way: request.way, why } } };
}

async function reply(
  world: GatewayWorld,
  { desk }: Waiting,
  { id, outgoing }: Offered,
  { holdMs = 0 }: Wish,
  kept: Awaited<ReturnType<Waiting['desk']['get']>>,
  replayed: boolean,
): Promise<Ended> {
  const look = () => desk.get(kept.owner, kept.id);
  const request = await hold({ clock: world.clock, outgoing, look }, kept, holdMs);
  const more = replayed ? ['idempotent-replayed', 'true'] : [];
  const waited = holdMs > 0 ? [`wait=${Math.floor(holdMs / 1000)}`] : [];
  if (outgoing.destroyed)
    return { outcome: 'client-closed', code: 'client_closed', tried: [], decided: undefined };
  const location = ['location', `${requestsPath}/${request.id}`, ...more];
  if (
    holdMs > 0 &&
    hasEnded(request) &&
    sendAnswer(outgoing, id, request, ['preference-applied', waited.join(), ...location])
  )
    return { outcome: 'served', code: undefined, tried: [], decided: undefined };
  const applied = ['respond-async', ...waited].join(', ');
  sendKept(outgoing, id, request, ['preference-applied', applied, ...more]);
  return { outcome: 'accepted', code: undefined, tried: [], decided: undefined };
}

/** Decoded once here: what is wrong with it is told now, not tomorrow. */
function decodable(offered: Offered): Waitable {
  const { dialect, ...rest } = offered;
  if (dialect.operation === 'chat') return createCall({ ...rest, dialect } satisfies CallInput<ChatRequest>);
  return createCall({ ...rest, dialect } satisfies CallInput<EmbeddingRequest>);
}

function readWebhook(headers: IncomingHttpHeaders, waiting: Waiting): string | undefined {
  const url = headers['x-intermodal-webhook'];
  if (url === undefined) return undefined;
  const problem =
    typeof url === 'string' ? waiting.webhookProblem(url) : 'x-intermodal-webhook is there several times.';
  if (problem === undefined && typeof url === 'string') return url;
  throw new GatewayError('invalid_request', problem ?? '', { param: 'x-intermodal-webhook' });
}

function refuseWhenFull({ mostOpen }: Waiting, open: number): void {
  if (open < mostOpen) return;
  throw new GatewayError(
    'no_room',
    `${mostOpen} requests wait already, as many as are kept. Come back, or hold the line.`,
    { retryAfterMs: fullRetryMs },
  );
}
