/** How the batch commands say what came of a batch: to people on standard error, to programs on standard output and by the exit code. */
import { once } from 'node:events';
import { systemClock } from '../../core/clock.ts';
import { createGateway, type GatewayOptions } from './gateway.ts';
import { advice, type BatchView, details, finalStatuses } from './view.ts';
import { watch } from './watch.ts';

export interface ReportOptions extends GatewayOptions {
  readonly json?: boolean;
}

/** All is done: 0. It ended in another way: 1. It is done, and some items failed: 2. It goes on: 0. */
function exitCode(batch: BatchView): number {
  if (!finalStatuses.has(batch.status)) return 0;
  if (batch.status !== 'completed') return 1;
  return batch.failed > 0 ? 2 : 0;
}

export function report(batch: BatchView, options: ReportOptions): void {
  if (options.json === true) console.log(JSON.stringify(batch.raw));
  else {
    console.log(details(batch, systemClock.now()));
    const next = advice(batch);
    if (next !== undefined) console.error(`\n${next}`);
  }
  process.exitCode = exitCode(batch);
}

/** Until it has ended, or the user has had enough of waiting. */
export async function reportWhenDone(
  id: string,
  options: ReportOptions & { readonly every: number },
): Promise<void> {
  const stopped = new AbortController();
  const interrupted = once(process, 'SIGINT', { signal: stopped.signal }).then(
    () => undefined,
    // It was not interrupted: waiting is over.
    () => undefined,
  );
  try {
    const batch = await watch(createGateway(options), id, {
      clock: systemClock,
      everyMs: options.every,
      out: process.stderr,
      interrupted,
    });
    if (batch !== undefined) return report(batch, options);
    console.error(
      `\nThe batch goes on without you. Follow it: intermodal batch status ${id} --wait\nStop it: intermodal batch cancel ${id}`,
    );
    // As shells count what Ctrl-C has ended.
    process.exitCode = 130;
  } finally {
    stopped.abort();
  }
}
