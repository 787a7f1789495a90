/**
 * A gateway that kills itself with SIGKILL at a named place of the batch road, or of the queue. Where, it is told in CRASH_AT at its start, or later by a
 * message; asked for it, it tells how often it has passed each place since.
 */
import { flushCompileCache } from 'node:module';
import { startService } from '../../src/cli/service.ts';

export interface Break {
  readonly place: string;
  /** Which passing of it, from 1. */
  readonly passing: number;
}

/** `arm` counts anew; without a break it counts alone. */
export type Order = { readonly kind: 'arm'; readonly at?: Break } | { readonly kind: 'tell' };

const [configFile = '', store = ''] = process.argv.slice(2);
const passed = new Map<string, number>();
let armed: Break | undefined = JSON.parse(process.env['CRASH_AT'] ?? 'null') ?? undefined;

process.on('message', (order: Order) => {
  if (order.kind === 'tell') process.send?.({ passed: Object.fromEntries(passed) });
  else {
    passed.clear();
    armed = order.at;
    process.send?.({ armed: true });
  }
});
// Whoever started it is gone.
process.on('disconnect', () => process.exit());

const service = await startService({
  configFile,
  store,
  simulate: false,
  port: 0,
  at(place) {
    const times = (passed.get(place) ?? 0) + 1;
    passed.set(place, times);
    if (armed?.place === place && times >= armed.passing) process.kill(process.pid, 'SIGKILL');
  },
});
process.send?.({ url: service.url });
// Only a process that exits would write it by itself.
flushCompileCache();
await service.stopped;
process.disconnect();
