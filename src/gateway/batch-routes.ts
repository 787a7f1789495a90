/** Serves the ways in for batches: who asks is found out here, what goes wrong is answered in the caller's dialect, and each request is written down. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Hono } from 'hono';
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { observeRequest } from './account.ts';
import { authenticate, authorizeBatches } from './auth.ts';
import type { BatchFolder, BatchRequest, BatchRoute } from './batches/contract.ts';
import { identityHeaders } from './reply-headers.ts';
import type { GatewayWorld } from './world.ts';

/** How long a refused upload is read on, so that its sender comes to hear why: most listen only when they have sent all. */
const lingerMs = 5_000;

interface Asked {
  readonly requestId: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** What is there in place of an id. */
  readonly path: Readonly<Record<string, string>>;
}

/** The paths that are served; none without a desk. */
export function serveBatches(
  world: GatewayWorld,
  hono: Hono<{ Bindings: HttpBindings }>,
  draining: () => boolean,
): readonly string[] {
  const folders = world.batches?.folders ?? [];
  for (const folder of folders) {
    for (const path of new Set(folder.routes.map((route) => route.path))) {
      const routes = folder.routes.filter((route) => route.path === path);
      hono.all(path, (c) => {
        const { incoming, outgoing } = c.env;
        if (draining()) outgoing.setHeader('connection', 'close');
        const asked = { requestId: world.makeId('req_'), incoming, outgoing, path: c.req.param() };
        void handle(world, folder, routes, asked);
        return RESPONSE_ALREADY_SENT;
      });
    }
  }
  return folders.flatMap((folder) => folder.routes.map((route) => route.path));
}

/** Never rejects. */
async function handle(
  world: GatewayWorld,
  folder: BatchFolder,
  routes: readonly BatchRoute[],
  asked: Asked,
): Promise<void> {
  const { requestId, outgoing } = asked;
  const startedAtMs = world.clock.now();
  const seen: { key: string | undefined } = { key: undefined };
  let failure: GatewayError | undefined;
  try {
    await answer(world, routes, asked, seen);
  } catch (thrown) {
    failure = asGatewayError(thrown);
    if (failure.code === 'internal')
      world.log.error({ requestId, err: failure.cause ?? failure }, 'defect while handling a batch request');
    refuse(world, folder, asked, failure);
  }
  observeRequest(world, {
    requestId,
    dialect: `batches/${folder.id}`,
    route: '',
    key: seen.key,
    status: outgoing.statusCode,
    outcome:
      failure === undefined ? 'served' : failure.code === 'client_closed' ? 'client-closed' : 'refused',
    code: failure?.code,
    startedAtMs,
    tried: [],
  });
}

async function answer(
  world: GatewayWorld,
  routes: readonly BatchRoute[],
  { requestId, incoming, outgoing, path }: Asked,
  seen: { key: string | undefined },
): Promise<void> {
  if (world.batches === undefined) throw new GatewayError('not_found', 'Batches are not served here.');
  // A HEAD is a GET of which nobody wants the body; Node leaves it out.
  const method = incoming.method === 'HEAD' ? 'GET' : incoming.method;
  const route = routes.find((candidate) => candidate.method === method);
  const allowed = routes.map((candidate) => candidate.method).join(', ');
  if (route === undefined) {
    outgoing.setHeader('allow', allowed);
    throw new GatewayError(
      'method_not_allowed',
      `${routes[0]?.path} takes ${allowed}, not ${incoming.method}.`,
    );
  }
  const key = authenticate(world.keys, incoming);
  seen.key = key?.caller.key;
  authorizeBatches(key);
  const { team } = key?.caller ?? {};
  const request: BatchRequest = {
    asker: { owner: key?.caller.key ?? '', ...(team === undefined ? {} : { team }) },
    incoming,
    outgoing,
    requestId,
    path,
    query: new URLSearchParams(incoming.url?.split('?', 2)[1] ?? ''),
  };
  await route.handle(world.batches.world, request);
}

function refuse(
  world: GatewayWorld,
  folder: BatchFolder,
  { requestId, incoming, outgoing }: Asked,
  error: GatewayError,
): void {
  // An answer that has begun cannot be taken back; cut, it at least does not look whole.
  if (outgoing.headersSent || error.code === 'client_closed') {
    outgoing.destroy();
    return;
  }
  const { status, body } = folder.encodeError(error, requestId);
  const text = JSON.stringify(body);
  const headers = [
    ...identityHeaders(requestId),
    'content-type',
    'application/json',
    'content-length',
    String(Buffer.byteLength(text)),
  ];
  if (error.retryAfterMs !== undefined)
    headers.push('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
  if (incoming.complete) {
    outgoing.writeHead(status, headers);
    outgoing.end(text);
    return;
  }
  outgoing.writeHead(status, [...headers, 'connection', 'close']);
  outgoing.write(text);
  // Closing on a sender resets the connection, and the answer with it.
  const cancel = world.clock.after(lingerMs, end);
  function end(): void {
    cancel();
    incoming.removeListener('end', end);
    outgoing.end();
  }
  incoming.on('end', end);
  incoming.on('close', end);
  incoming.resume();
}
