/**
 * Where providers say that a job has ended. The signature stands for a key; what is said is not believed beyond that the job is worth a look, so a
 * call that comes twice, or is played back, changes nothing.
 */
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { asGatewayError } from '../core/errors.ts';
import { readBody } from './read-body.ts';
import type { GatewayWorld } from './world.ts';

export const webhookPath = '/v1/batch/webhooks/:provider';

export function hearProviders(world: GatewayWorld, hono: Hono<{ Bindings: HttpBindings }>): void {
  const hear = world.batches?.hear;
  if (hear === undefined) return;
  hono.post(webhookPath, async (c) => {
    const { incoming } = c.env;
    try {
      const body = await readBody(incoming, world.maxBodyBytes, world.clock);
      const heard = await hear(c.req.param('provider'), { body, headers: incoming.headers });
      if (heard) return c.json({ status: 'ok' });
      return c.json({ error: { message: 'No provider of that name signs so.' } }, 401);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      if (error.code === 'internal') world.log.error({ err: error.cause }, 'defect while hearing a provider');
      return Response.json({ error: { message: error.message } }, { status: error.status });
    }
  });
}
