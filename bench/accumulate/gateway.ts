/** A gateway in a process of its own, whose clock goes faster. Talks to whoever started it by messages. */
import { inspect } from 'node:util';
import { z } from 'zod';
import { openStores } from '../../src/stores/open.ts';
import { startTestGateway } from '../../test/support/gateway.ts';
import { createFastClock } from './fast-clock.ts';

export const settingsSchema = z.object({
  yaml: z.string(),
  store: z.string(),
  blobs: z.string(),
  speed: z.number(),
});
export type Settings = z.output<typeof settingsSchema>;

export const toldSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('serving'), url: z.string() }),
  z.object({ kind: z.literal('cpu'), ms: z.number(), complaints: z.array(z.string()) }),
]);
export type Told = z.output<typeof toldSchema>;

if (process.argv[1] === import.meta.filename) {
  const settings = settingsSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
  const tell = (told: Told): void => void process.send?.(told);
  const gateway = await startTestGateway({
    yaml: settings.yaml,
    stores: await openStores(settings.store),
    blobs: settings.blobs,
    clock: createFastClock(settings.speed),
  });
  process.on('message', (asked) => {
    if (asked === 'cpu') {
      const { user, system } = process.cpuUsage();
      const complaints = gateway.complaints.map(({ message, fields }) => `${message}: ${inspect(fields)}`);
      tell({ kind: 'cpu', ms: (user + system) / 1000, complaints: [...new Set(complaints)] });
    } else void gateway.close().then(() => process.exit());
  });
  // Whoever started it is gone.
  process.on('disconnect', () => process.exit(1));
  tell({ kind: 'serving', url: gateway.url });
}
