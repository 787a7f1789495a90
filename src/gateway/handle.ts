/**
 * The road of one request, to where it is served: who asks, what for, which route. What goes wrong on it becomes an answer in the
 * caller's dialect, and every request is written down as it ends.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError, GatewayError } from '../core/errors.ts';
import type { Facts } from '../core/facts.ts';
import type { Call } from '../router/contract.ts';
import type { Asked as DecidedOn } from '../router/decisions.ts';
import { findRoute } from '../router/find-route.ts';
import { scanBody } from '../wire/json-scan.ts';
import { keepDecision, observeRequest } from './account.ts';
import { authenticate, authorize } from './auth.ts';
import { createCall } from './call.ts';
import type { AnyDialect } from './dialects/contract.ts';
import type { Ended } from './ended.ts';
import { readBody } from './read-body.ts';
import { Reply } from './reply.ts';
import { serveCount, serveEmbedding, serveStream, serveWhole } from './serve.ts';
import { acceptToWait } from './waiting/accept.ts';
import type { GatewayWorld } from './world.ts';

/** Never rejects: whatever goes wrong becomes an answer in the caller's dialect. */
export async function handle(
  world: GatewayWorld,
  dialect: AnyDialect,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const requestId = world.makeId('req_');
  const startedAtMs = world.clock.now();
  const asked: Asked = {
    route: '',
    key: undefined,
    policyVersion: 0,
    facts: undefined,
    call: undefined,
    reply: undefined,
  };
  let result: Ended;
  try {
    result = await answer(world, dialect, incoming, outgoing, { requestId, startedAtMs }, asked);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    if (error.code === 'internal')
      world.log.error({ requestId, err: error.cause ?? error }, 'defect while handling a request');
    if (error.code !== 'client_closed')
      (asked.reply ?? new Reply(outgoing, requestId, dialect)).refuse(error, []);
    result = {
      outcome: error.code === 'client_closed' ? 'client-closed' : 'refused',
      code: error.code,
      tried: [],
      decided: undefined,
    };
  }
  const served = {
    requestId,
    dialect: dialect.id,
    route: asked.route,
    key: asked.key,
    policyVersion: asked.policyVersion,
    asked: decidedOn(asked),
    status: outgoing.statusCode,
    startedAtMs,
    ...result,
  };
  observeRequest(world, served);
  keepDecision(world, served);
}

/** What is known of a request, as it becomes known; for its line in the log and its decision. */
interface Asked {
  route: string;
  key: string | undefined;
  policyVersion: number;
  facts: Facts | undefined;
  /** Holds the body, so nothing that outlives the request may keep it. */
  call: Call | undefined;
  reply: Reply | undefined;
}

function decidedOn({ call, facts }: Asked): DecidedOn | undefined {
  if (call !== undefined) {
    const { tags, priority, budgetMs } = call;
    return budgetMs === undefined
      ? { facts: call.facts, tags, priority }
      : { facts: call.facts, tags, priority, budgetMs };
  }
  return facts === undefined ? undefined : { facts, tags: [], priority: 'normal' };
}

async function answer(
  world: GatewayWorld,
  dialect: AnyDialect,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { requestId, startedAtMs }: { readonly requestId: string; readonly startedAtMs: number },
  asked: Asked,
): Promise<Ended> {
  const key = authenticate(world.keys, incoming);
  asked.key = key?.caller.key;
  const bytes = await readBody(incoming, world.maxBodyBytes, world.clock);
  const body = scanBody(bytes);
  const facts = dialect.inspect(body);
  asked.facts = facts;
  const policy = world.policy();
  asked.policyVersion = policy.version;
  const route = findRoute(policy, facts.model);
  asked.route = route.name;
  authorize(key, facts.model, route);
  if (world.ledger.full)
    throw new GatewayError(
      'store_unavailable',
      'The ledger cannot be written, and nothing is spent that is not written down.',
      { retryAfterMs: 5_000 },
    );
  const input = {
    id: requestId,
    facts,
    body,
    headers: incoming.headers,
    draw: world.random(),
    nowMs: startedAtMs,
    caller: key?.caller,
  };
  if (dialect.operation !== 'count-tokens') {
    const accepted = await acceptToWait(world, { ...input, dialect, route, outgoing });
    if (accepted !== undefined) return accepted;
  }
  const served = { world, policy, route, outgoing, asked };
  switch (dialect.operation) {
    case 'chat': {
      const call = createCall({ ...input, dialect });
      return facts.stream ? serveStream(served, dialect, call) : serveWhole(served, dialect, call);
    }
    case 'embedding':
      return serveEmbedding(served, dialect, createCall({ ...input, dialect }));
    case 'count-tokens':
      return serveCount(served, dialect, createCall({ ...input, dialect }));
  }
}
