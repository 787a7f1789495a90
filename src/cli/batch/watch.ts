/** Waits for the end of a batch: with a bar on a terminal, a line for each change elsewhere. Ctrl-C stops watching, and nothing else. */
import { Presets, SingleBar } from 'cli-progress';
import type { Clock } from '../../core/clock.ts';
import { type Gateway, UnreachableError } from './gateway.ts';
import type { BatchView } from './view.ts';
import { finalStatuses, span, summary, usd } from './view.ts';

interface Screen {
  show(batch: BatchView, nowMs: number): void;
  stop(): void;
}

interface Watching {
  readonly clock: Clock;
  readonly everyMs: number;
  readonly out: NodeJS.WriteStream;
  /** Resolves when the user has had enough. */
  readonly interrupted: Promise<void>;
}

/** A gateway that restarts is back within this many looks. */
const mostFailures = 30;

/** The batch when it has ended; `undefined` where the user left first. */
export async function watch(
  gateway: Gateway,
  id: string,
  watching: Watching,
): Promise<BatchView | undefined> {
  const { clock, everyMs, out, interrupted } = watching;
  const screen = out.isTTY ? barOn(out) : linesOn(out);
  let left = false;
  const leaving = interrupted.then(() => {
    left = true;
  });
  let failures = 0;
  try {
    while (!left) {
      try {
        const batch = await gateway.batch(id);
        failures = 0;
        screen.show(batch, clock.now());
        if (finalStatuses.has(batch.status)) return batch;
      } catch (thrown) {
        failures += 1;
        if (!(thrown instanceof UnreachableError) || failures >= mostFailures) throw thrown;
      }
      await Promise.race([pause(clock, everyMs, interrupted), leaving]);
    }
    return undefined;
  } finally {
    screen.stop();
  }
}

/** Sets no timer that outlives the wait: it would keep the command from ending. */
function pause(clock: Clock, ms: number, interrupted: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, resolve);
    void interrupted.then(cancel);
  });
}

function linesOn(out: NodeJS.WriteStream): Screen {
  let before = '';
  return {
    show(batch, nowMs) {
      // The time that is left changes always and says nothing new.
      const state = `${batch.status} ${batch.done} ${batch.failed} ${batch.total}`;
      if (state === before) return;
      before = state;
      out.write(`${summary(batch, nowMs)}\n`);
    },
    stop: () => undefined,
  };
}

function barOn(out: NodeJS.WriteStream): Screen {
  const bar = new SingleBar(
    {
      stream: out,
      format: '{status} [{bar}] {percentage}% {value}/{total}{more}',
      hideCursor: true,
      clearOnComplete: false,
      // The terminal may be narrower than what there is to say.
      linewrap: false,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    show(batch, nowMs) {
      const more = [
        ...(batch.failed > 0 ? [`${batch.failed} failed`] : []),
        ...(batch.costUsd === undefined ? [] : [`cost ${usd(batch.costUsd)}`]),
        ...(batch.savedUsd === undefined ? [] : [`saved ${usd(batch.savedUsd)}`]),
        ...(batch.deadlineAtMs === undefined || finalStatuses.has(batch.status)
          ? []
          : [`${span(batch.deadlineAtMs - nowMs)} left`]),
      ];
      const payload = { status: batch.status, more: more.map((one) => `, ${one}`).join('') };
      if (!started) bar.start(batch.total, 0, payload);
      started = true;
      bar.setTotal(batch.total);
      bar.update(batch.done + batch.failed, payload);
    },
    stop: () => {
      if (started) bar.stop();
    },
  };
}
