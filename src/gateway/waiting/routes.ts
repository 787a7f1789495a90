/** `/v1/requests`: what became of requests whose callers did not wait. Each is seen by its owner alone. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Hono } from 'hono';
import { asGatewayError, GatewayError } from '../../core/errors.ts';
import type { QueueDesk, QueuedRequest } from '../../queue/contract.ts';
import { observeRequest } from '../account.ts';
import { authenticate, authorizeBatches } from '../auth.ts';
import { readLimit } from '../batches/reply.ts';
import { listFor } from '../list-models.ts';
import type { GatewayWorld } from '../world.ts';
import { hold } from './hold.ts';
import { readWait } from './prefer.ts';
import { encodeRequest, hasEnded, requestsPath, send, sendAnswer, sendKept } from './request-object.ts';
import type { Waiting } from './waiting.ts';

const usualPage = 20;
const longestPage = 100;

interface Asked {
  readonly requestId: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Absent: all of them are asked for. */
  readonly id: string | undefined;
  /** Known once it is found: errors are in its own dialect then. */
  dialect?: string;
  key?: string;
  route?: string;
}

/** The paths that are served; none where nobody may wait. */
export function serveRequests(
  world: GatewayWorld,
  hono: Hono<{ Bindings: HttpBindings }>,
  draining: () => boolean,
): readonly string[] {
  const { waiting } = world;
  if (waiting === undefined) return [];
  const paths = [requestsPath, `${requestsPath}/:id`];
  for (const path of paths)
    hono.all(path, (c) => {
      const { incoming, outgoing } = c.env;
      if (draining()) outgoing.setHeader('connection', 'close');
      const requestId = world.makeId('req_');
      void handle(world, waiting, { requestId, incoming, outgoing, id: c.req.param('id') });
      return RESPONSE_ALREADY_SENT;
    });
  return paths;
}

/** Never rejects. */
async function handle(world: GatewayWorld, waiting: Waiting, asked: Asked): Promise<void> {
  const startedAtMs = world.clock.now();
  let failure: GatewayError | undefined;
  try {
    await answer(world, waiting, asked);
  } catch (thrown) {
    failure = asGatewayError(thrown);
    if (failure.code === 'internal')
      world.log.error(
        { requestId: asked.requestId, err: failure.cause ?? failure },
        'defect while asked about a request that waits',
      );
    refuse(world, asked, failure);
  }
  observeRequest(world, {
    requestId: asked.requestId,
    dialect: 'requests',
    route: asked.route ?? '',
    key: asked.key,
    status: asked.outgoing.statusCode,
    outcome: failure === undefined ? 'served' : 'refused',
    code: failure?.code,
    startedAtMs,
    tried: [],
  });
}

async function answer(world: GatewayWorld, { desk }: Waiting, asked: Asked): Promise<void> {
  const { incoming, outgoing, requestId, id } = asked;
  const key = authenticate(world.keys, incoming);
  if (key !== undefined) asked.key = key.caller.key;
  authorizeBatches(key);
  const owner = key?.caller.key ?? '';
  if (id === undefined) return list(desk, asked, owner);
  switch (incoming.method) {
    case 'GET':
    case 'HEAD': {
      const found = await desk.get(owner, id);
      remember(asked, found);
      const look = () => desk.get(owner, id);
      const request = await hold(
        { clock: world.clock, outgoing, look },
        found,
        readWait(incoming.headers) ?? 0,
      );
      if (outgoing.destroyed) return;
      if (!hasEnded(request)) sendKept(outgoing, requestId, request);
      else if (!sendAnswer(outgoing, requestId, request))
        throw new GatewayError('cancelled', 'The request was cancelled before it was answered.');
      return;
    }
    case 'DELETE': {
      remember(asked, await desk.get(owner, id));
      const request = await desk.cancel(owner, id);
      send(outgoing, requestId, 200, JSON.stringify(encodeRequest(request)));
      return;
    }
    default:
      outgoing.setHeader('allow', 'GET, DELETE');
      throw new GatewayError(
        'method_not_allowed',
        `${requestsPath}/:id takes GET and DELETE, not ${incoming.method}.`,
      );
  }
}

async function list(desk: QueueDesk, { incoming, outgoing, requestId }: Asked, owner: string): Promise<void> {
  if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
    outgoing.setHeader('allow', 'GET');
    throw new GatewayError('method_not_allowed', `${requestsPath} takes GET, not ${incoming.method}.`);
  }
  const query = new URLSearchParams(incoming.url?.split('?', 2)[1] ?? '');
  const limit = readLimit(query, usualPage, longestPage);
  const { data, hasMore } = await desk.list(owner, limit, query.get('after') ?? undefined);
  const body = { object: 'list', data: data.map(encodeRequest), has_more: hasMore };
  send(outgoing, requestId, 200, JSON.stringify(body));
}

function remember(asked: Asked, { dialect, route }: QueuedRequest): void {
  asked.dialect = dialect;
  asked.route = route;
}

/** In the words of the dialect that it was asked in; where that is not known, of whoever seems to ask. */
function refuse(
  world: GatewayWorld,
  { outgoing, incoming, requestId, dialect }: Asked,
  error: GatewayError,
): void {
  if (outgoing.headersSent || outgoing.destroyed) return;
  const own = world.dialects.flatMap((folder) => folder.dialects).find(({ id }) => id === dialect);
  const rendered = (own ?? listFor(world, incoming.headers))?.encodeError(error, requestId);
  const headers =
    error.retryAfterMs === undefined ? [] : ['retry-after', String(Math.ceil(error.retryAfterMs / 1000))];
  send(
    outgoing,
    requestId,
    rendered?.status ?? error.status,
    JSON.stringify(rendered?.body ?? { error: { message: error.message } }),
    headers,
  );
}
