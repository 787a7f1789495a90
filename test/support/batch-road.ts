/** For tests that send batches all the way, by the gateway's own endpoints. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Real processes and sockets take as long as they take; this bounds how long they are waited for. */
const longestMs = 30_000;

/** Looks until `done` says so. */
export async function until<T>(look: () => Promise<T>, done: (seen: T) => boolean): Promise<T> {
  const latest = performance.now() + longestMs;
  for (;;) {
    const seen = await look();
    if (done(seen)) return seen;
    if (performance.now() > latest) throw new Error(`Waited in vain: ${JSON.stringify(seen).slice(0, 2000)}`);
    await sleep(20);
  }
}
