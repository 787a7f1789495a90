/** What the processes of `serve --workers` say to each other. */
import { z } from 'zod';

/** As prom-client writes it; only it reads it again. */
const metric = z.custom<object>((value) => typeof value === 'object' && value !== null);

const decisionQuery = z.object({
  id: z.string().exactOptional(),
  route: z.string().exactOptional(),
  outcome: z.string().exactOptional(),
  limit: z.number(),
});

export type DecisionQuery = z.output<typeof decisionQuery>;

/** In words, as the admin endpoints tell them. */
const decisions = z.array(z.custom<object>((value) => typeof value === 'object' && value !== null));

/** Of what a worker tells: it serves; it asks for what all count; its own counts, for whoever asked. */
export const fromWorker = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('serving'), url: z.string(), welcome: z.string() }),
  z.object({ kind: z.literal('all-metrics'), id: z.number() }),
  z.object({ kind: z.literal('own-metrics'), id: z.number(), metrics: z.array(metric) }),
  z.object({ kind: z.literal('all-decisions'), id: z.number(), query: decisionQuery }),
  z.object({ kind: z.literal('own-decisions'), id: z.number(), decisions }),
]);
export type FromWorker = z.output<typeof fromWorker>;

export const fromPrimary = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tell-metrics'), id: z.number() }),
  z.object({ kind: z.literal('all-metrics'), id: z.number(), text: z.string() }),
  z.object({ kind: z.literal('tell-decisions'), id: z.number(), query: decisionQuery }),
  z.object({ kind: z.literal('all-decisions'), id: z.number(), decisions }),
]);
export type FromPrimary = z.output<typeof fromPrimary>;
