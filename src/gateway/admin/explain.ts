/** `POST /admin/explain`: what would become of a request now, by all that this gateway knows. Sends nothing, and keeps nothing of it. */
import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { explainRequest } from '../explain-request.ts';
import type { GatewayWorld } from '../world.ts';

const question = z.strictObject({
  dialect: z.string().default('openai-chat'),
  /** By which the caller would say its terms. */
  headers: z.record(z.string(), z.string()).default({}),
  /** The request's own body. */
  body: z.record(z.string(), z.unknown()),
  /** Name of a key, as if it asked. */
  key: z.string().optional(),
  draw: z.number().min(0).max(1).default(0),
});

export function answerExplain(world: GatewayWorld, bytes: Buffer): Response {
  const asked = question.safeParse(readJson(bytes));
  if (!asked.success) {
    const issue = asked.error.issues[0];
    throw new GatewayError(
      'invalid_request',
      `${issue?.path.join('.') || 'The body'}: ${issue?.message ?? 'not readable'}.`,
    );
  }
  const { headers, body, key, draw } = asked.data;
  const dialects = world.dialects.flatMap((folder) => folder.dialects);
  const dialect = dialects.find(({ id }) => id === asked.data.dialect);
  if (dialect === undefined)
    throw new GatewayError(
      'invalid_request',
      `There is no dialect "${asked.data.dialect.slice(0, 100)}". There are: ${dialects.map(({ id }) => id).join(', ')}.`,
    );
  const caller = key === undefined ? undefined : world.keys.named(key)?.caller;
  if (key !== undefined && caller === undefined)
    throw new GatewayError('not_found', `There is no key "${key.slice(0, 100)}".`);
  const explained = explainRequest(
    {
      policy: world.policy(),
      world: world.walk.sight ?? world.health,
      estimates: world.estimates,
      nowMs: world.clock.now(),
      batchable: (request, route) => world.waiting?.batchable(request, route) ?? false,
      live: { limits: world.limits, limitsOf: (target) => world.gate.learning.limitsOf(target) },
    },
    {
      dialect,
      body: Buffer.from(JSON.stringify(body)),
      headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name.toLowerCase(), text])),
      draw,
      ...(caller === undefined ? {} : { caller }),
    },
  );
  return Response.json(explained);
}

function readJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new GatewayError('invalid_request', 'The body is not valid JSON.');
  }
}
