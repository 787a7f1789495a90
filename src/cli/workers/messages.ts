/** What the processes of `serve --workers` say to each other. */
import { z } from 'zod';

/** As prom-client writes it; only it reads it again. */
const metric = z.custom<object>((value) => typeof value === 'object' && value !== null);

/** Of what a worker tells: it serves; it asks for what all count; its own counts, for whoever asked. */
export const fromWorker = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('serving'), url: z.string(), welcome: z.string() }),
  z.object({ kind: z.literal('all-metrics'), id: z.number() }),
  z.object({ kind: z.literal('own-metrics'), id: z.number(), metrics: z.array(metric) }),
]);
export type FromWorker = z.output<typeof fromWorker>;

export const fromPrimary = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tell-metrics'), id: z.number() }),
  z.object({ kind: z.literal('all-metrics'), id: z.number(), text: z.string() }),
]);
export type FromPrimary = z.output<typeof fromPrimary>;
