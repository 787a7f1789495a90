/** `/v1/models`, in the shape that the caller's SDK reads: the same path serves OpenAI and Anthropic clients. */
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { authenticate } from './auth.ts';
import type { ListedModel, ModelList } from './dialects/contract.ts';
import type { GatewayWorld } from './world.ts';

export function listModels(world: GatewayWorld, hono: Hono<{ Bindings: HttpBindings }>): void {
  const listed = (id: string): ListedModel => ({
    id,
    createdAtS: Math.floor(world.configStatus().loadedAtMs / 1000),
    ownedBy: 'intermodal',
  });

  // What may be asked for is nobody's business who may not ask.
  hono.use('/v1/models/*', async (c, next) => {
    try {
      authenticate(world.keys, c.env.incoming);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      const rendered = listFor(world, c.env.incoming.headers)?.encodeError(error, world.makeId('req_'));
      return Response.json(rendered?.body ?? {}, { status: rendered?.status ?? error.status });
    }
    await next();
  });

  hono.get('/v1/models', (c) => {
    const list = listFor(world, c.env.incoming.headers);
    return c.json(list?.list(world.policy().names.map(listed)) ?? {});
  });

  // Names such as `openai/gpt-4.1` hold slashes, which SDKs may or may not escape.
  hono.get('/v1/models/:id{.+}', (c) => {
    const id = decodeURIComponent(c.req.param('id'));
    const list = listFor(world, c.env.incoming.headers);
    if (world.policy().find(id) !== undefined) return c.json(list?.one(listed(id)) ?? {});
    const guess = nearest(id, world.policy().names);
    const hint = guess === undefined ? '' : ` Did you mean "${guess}"?`;
    const error = new GatewayError(
      'model_not_found',
      `No route or model is named "${id.slice(0, 200)}".${hint}`,
    );
    const rendered = list?.encodeError(error, world.makeId('req_'));
    return Response.json(rendered?.body ?? {}, { status: rendered?.status ?? error.status });
  });
}

/** Whose dialect a caller speaks, told by its headers; the last folder that claims nothing special is the fallback. */
export function listFor(
  world: GatewayWorld,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): ModelList | undefined {
  const lists = world.dialects.flatMap((folder) => (folder.models === undefined ? [] : [folder.models]));
  return lists.find((list) => list.claims(headers)) ?? lists[0];
}
