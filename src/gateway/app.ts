/**
 * The HTTP surface. Hono routes; handlers on the request road read and write Node's own objects and answer
 * `RESPONSE_ALREADY_SENT`, since Web Request and Response objects would double what a request costs.
 */
import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { answerCascades } from './admin/cascades.ts';
import { answerDecision, listDecisions } from './admin/decisions.ts';
import { answerExplain } from './admin/explain.ts';
import { answerSpend } from './admin/spend.ts';
import { authorizeAdmin } from './auth.ts';
import { serveBatches } from './batch-routes.ts';
import type { ErrorBody } from './dialects/contract.ts';
import { handle } from './handle.ts';
import { healthReport } from './health-report.ts';
import { listFor, listModels } from './list-models.ts';
import { hearProviders } from './provider-webhooks.ts';
import { readBody } from './read-body.ts';
import { serveRequests } from './waiting/routes.ts';
import type { GatewayWorld } from './world.ts';

export interface App {
  readonly hono: Hono<{ Bindings: HttpBindings }>;
  /** From now on `/readyz` says no and answers ask clients to reconnect elsewhere. */
  drain(): void;
}

export function createApp(world: GatewayWorld): App {
  const hono = new Hono<{ Bindings: HttpBindings }>();
  let draining = false;

  for (const folder of world.dialects) {
    for (const dialect of folder.dialects) {
      hono.post(dialect.path, (c) => {
        if (draining) c.env.outgoing.setHeader('connection', 'close');
        void handle(world, dialect, c.env.incoming, c.env.outgoing);
        return RESPONSE_ALREADY_SENT;
      });
      hono.all(dialect.path, (c) => {
        const { body, status } = dialect.encodeError(
          methodNotAllowed(c.req.method, dialect.path),
          world.makeId('req_'),
        );
        return Response.json(body, { status, headers: { allow: 'POST' } });
      });
    }
  }

  const batchPaths = serveBatches(world, hono, () => draining);
  const requestPaths = serveRequests(world, hono, () => draining);
  hearProviders(world, hono);
  listModels(world, hono);
  hono.get('/livez', (c) => c.json({ status: 'ok' }));
  hono.get('/readyz', async (c) => {
    if (draining) return c.json({ status: 'draining' }, 503);
    if (await world.readiness.storeAnswers()) return c.json({ status: 'ok' });
    return c.json({ status: 'the store does not answer' }, 503);
  });
  hono.get('/health', async (c) => {
    const report = await healthReport(world, draining);
    return c.json(report, report.status === 'draining' ? 503 : 200);
  });
  hono.get('/metrics', async () => {
    const text = await world.metrics.set.text();
    return new Response(text, { headers: { 'content-type': world.metrics.set.contentType } });
  });
  hono.get('/admin/spend', (c) =>
    admin(world, c.env.incoming, () => answerSpend(world.spending, c.req.query())),
  );
  hono.get('/admin/cascades', (c) => admin(world, c.env.incoming, () => answerCascades(world.cascades)));
  const sight = {
    decisions: world.decisions,
    measures: world.walk.sight?.measures ?? {},
    ofAll: world.decisionsOfAll,
  };
  hono.get('/admin/decisions', (c) =>
    admin(world, c.env.incoming, () => listDecisions(sight, c.req.query())),
  );
  hono.get('/admin/decisions/:id', (c) =>
    admin(world, c.env.incoming, () => answerDecision(sight, c.req.param('id'))),
  );
  hono.post('/admin/explain', (c) =>
    admin(world, c.env.incoming, async () =>
      answerExplain(world, await readBody(c.env.incoming, world.maxBodyBytes, world.clock)),
    ),
  );
  hono.notFound((c) => {
    const paths = world.dialects.flatMap((folder) => folder.dialects.map((dialect) => dialect.path));
    paths.push(...[...batchPaths, ...requestPaths].filter((path) => !path.includes(':')));
    const error = new GatewayError(
      'not_found',
      `${c.req.method} ${c.req.path.slice(0, 200)} is not served here. Served: ${paths.join(', ')}.`,
    );
    return respond(listFor(world, c.env.incoming.headers)?.encodeError(error, world.makeId('req_')), error);
  });
  hono.onError((thrown, c) => {
    world.log.error({ err: thrown }, 'defect in a handler');
    const error = new GatewayError('internal', 'The gateway failed while handling this request.');
    return respond(listFor(world, c.env.incoming.headers)?.encodeError(error, world.makeId('req_')), error);
  });

  return {
    hono,
    drain() {
      draining = true;
    },
  };
}

/** Errors of the admin endpoints are in the shape of whatever dialect is the fallback. */
async function admin(
  world: GatewayWorld,
  incoming: IncomingMessage,
  answer: () => Response | Promise<Response>,
): Promise<Response> {
  try {
    authorizeAdmin(world.keys, incoming);
    return await answer();
  } catch (thrown) {
    const error = asGatewayError(thrown);
    if (error.code === 'internal') world.log.error({ err: error.cause }, 'defect in an admin endpoint');
    return respond(listFor(world, {})?.encodeError(error, world.makeId('req_')), error);
  }
}

function respond(rendered: ErrorBody | undefined, error: GatewayError): Response {
  if (rendered === undefined)
    return Response.json({ error: { message: error.message } }, { status: error.status });
  return Response.json(rendered.body, { status: rendered.status });
}

function methodNotAllowed(method: string, path: string): GatewayError {
  return new GatewayError('method_not_allowed', `${path} takes POST, not ${method}.`);
}
