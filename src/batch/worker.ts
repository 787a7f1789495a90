/**
 * Drives all batches: claims what is due, does its step, says when it is due again. Several steps run at once, each of another row. What a
 * process had claimed when it died is due again when its lease ends; what it was doing is in the rows. Any gateway on the same rows may
 * take any step; hints wake whoever is free, and without them the rows are looked at often enough.
 */

import { Bell } from '../core/bell.ts';
import type { PassedOver, Work } from '../stores/batch/contract.ts';
import { adopt } from './adopt.ts';
import { Conflict } from './assemble.ts';
import { duesOf } from './budget-gate.ts';
import { collect } from './collect.ts';
import type { Submission } from './contract.ts';
import { Gate } from './gate.ts';
import { poll } from './poll.ts';
import { run } from './run.ts';
import { Held } from './steps.ts';
import { submit } from './submit.ts';
import type { BatchWorldInside } from './world.ts';

/** Steps at once: two may be busy with bytes while the others wait for providers. */
const lanes = 6;
/** Steps that move the bytes of many items; each holds some megabytes. */
const mostHeavy = 2;
const heavy: PassedOver = { batch: ['assembling', 'finishing'], submission: ['planned', 'ended'] };
/** With nothing due, the store is asked again after this, for rows that another process has added … */
const longestSleepMs = 1_000;
/** … and after this where other processes tell of theirs: a hint may be lost. */
const longestSharedSleepMs = 5_000;
/** The store has failed; it is asked again. */
const troubleMs = 1_000;
/** A step that failed by a defect of ours, or of a store, is tried again, later each time. */
const firstRetryMs = 1_000;
const longestRetryMs = 300_000;
const mostFailing = 10_000;

export class Worker {
  readonly #world: BatchWorldInside;
  readonly #stop = new AbortController();
  readonly #failures = new Map<string, number>();
  #running: Promise<unknown> = Promise.resolve();
  #forgetWakeUps = (): void => {};
  readonly #bell: Bell;
  readonly #heavy = new Gate(mostHeavy);

  constructor(world: BatchWorldInside) {
    this.#world = world;
    this.#bell = new Bell(world.clock);
  }

  /** Takes again what open submissions hold, and begins. */
  async start(): Promise<void> {
    await this.#holdAgain();
    this.#forgetWakeUps = this.#world.wakeUps.onWake(() => this.poke());
    this.#running = Promise.all(Array.from({ length: lanes }, () => this.#loop()));
  }

  /** Something was added or changed. Resolves once a lane looks. */
  poke(): Promise<void> {
    return this.#bell.ring();
  }

  /** No new step; those that run come to where they may be left. */
  async close(): Promise<void> {
    this.#forgetWakeUps();
    this.#stop.abort();
    this.#bell.close();
    await this.#running;
  }

  async #holdAgain(): Promise<void> {
    const world = this.#world;
    for (const submission of await world.rows.submissions.live()) {
      const batch = await world.rows.batches.byNo(submission.batchNo);
      const lane = (await world.rows.items.lanes(submission.batchNo)).find(
        (one) => one.lane === submission.lane,
      );
      if (batch === undefined || lane === undefined) continue;
      const target = world.policy().target(submission.target);
      const dues = duesIfKnown(world, batch, lane, submission);
      await world.room.takeAgain(submission, target, dues, submission.estimateNanoUsd);
    }
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const rings = this.#bell.look();
        const work = await this.#world.rows.work.claim(
          this.#world.clock.now(),
          this.#world.settings().leaseMs,
          this.#passedOver(),
        );
        if (work === undefined) await this.#bell.sleep(rings, () => this.#untilDue());
        else {
          // There may be more, for another lane.
          void this.#bell.ring();
          await this.#do(work);
        }
      } catch (thrown) {
        this.#world.log.error(
          { err: thrown },
          'the rows of batch work cannot be read or written; tried again',
        );
        await this.#bell.sleep(this.#bell.rings, async () => troubleMs);
      }
    }
  }

  /** What would only wait here is left to others. */
  #passedOver(): PassedOver | undefined {
    return this.#heavy.full ? heavy : undefined;
  }

  async #untilDue(): Promise<number> {
    const next = await this.#world.rows.work.nextDueMs(this.#passedOver());
    const longestMs = this.#world.wakeUps.shared ? longestSharedSleepMs : longestSleepMs;
    return next === undefined ? longestMs : Math.min(longestMs, next - this.#world.clock.now());
  }

  async #do(work: Work): Promise<void> {
    const world = this.#world;
    const name = work.kind === 'batch' ? work.batch.id : work.submission.id;
    const { signal, lost, release } = this.#hold(work);
    let dueAtMs: number | undefined;
    try {
      dueAtMs = isHeavy(work)
        ? await this.#heavy.pass(() => this.#step(work, signal, lost))
        : await this.#step(work, signal, lost);
      this.#failures.delete(name);
    } catch (thrown) {
      dueAtMs = this.#afterDefect(name, thrown);
    } finally {
      release();
    }
    await world.at('release: before the row');
    await world.rows.work.release(work, dueAtMs ?? Number.MAX_SAFE_INTEGER);
    await world.at('release: after the row');
    // What has ended may have made another row due, whose writer does not know who works on it.
    world.wakeUps.at(name, dueAtMs ?? world.clock.now());
  }

  #step(work: Work, signal: AbortSignal, lost: AbortSignal): Promise<number | undefined> {
    return work.kind === 'batch'
      ? run(this.#world, work.batch, signal)
      : this.#submission(work, signal, lost);
  }

  #afterDefect(name: string, thrown: unknown): number {
    const world = this.#world;
    if (thrown instanceof Conflict) return world.clock.now() + firstRetryMs;
    const failures = (this.#failures.get(name) ?? 0) + 1;
    const oldest = this.#failures.size >= mostFailing ? this.#failures.keys().next().value : undefined;
    if (oldest !== undefined) this.#failures.delete(oldest);
    this.#failures.set(name, failures);
    const waitMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(failures - 1, 20));
    world.log.error({ err: thrown, name, failures, waitMs }, 'a step of batch work failed; tried again');
    return world.clock.now() + waitMs;
  }

  /** Renews the claim while the step runs; aborts the step where it was `lost`, and where the process stops. */
  #hold(work: Work): { readonly signal: AbortSignal; readonly lost: AbortSignal; release(): void } {
    const { leaseMs } = this.#world.settings();
    const lost = new AbortController();
    const either = new AbortController();
    const onStop = (): void => either.abort();
    lost.signal.addEventListener('abort', onStop);
    this.#stop.signal.addEventListener('abort', onStop);
    let cancel = (): void => {};
    let released = false;
    const renew = (): void => {
      if (released) return;
      cancel = this.#world.clock.after(leaseMs / 3, () => {
        this.#world.rows.work.renew(work, this.#world.clock.now() + leaseMs).then(
          (kept) => (kept ? renew() : lost.abort()),
          () => renew(),
        );
      });
    };
    renew();
    return {
      signal: either.signal,
      lost: lost.signal,
      release: () => {
        released = true;
        cancel();
        this.#stop.signal.removeEventListener('abort', onStop);
      },
    };
  }

  async #submission(
    work: Extract<Work, { kind: 'submission' }>,
    signal: AbortSignal,
    lost: AbortSignal,
  ): Promise<number | undefined> {
    const world = this.#world;
    const { submission } = work;
    const batch = await world.rows.batches.byNo(submission.batchNo);
    const all = await world.rows.items.lanes(submission.batchNo);
    const lane = all.find((one) => one.lane === submission.lane);
    if (batch === undefined || lane === undefined || signal.aborted) return undefined;
    const held = new Held(world.rows.submissions, submission, work.claim);
    switch (submission.state) {
      case 'planned':
        return submit(world, held, batch, lane, lost);
      case 'sending':
        return adopt(world, held, batch, lane);
      case 'open':
      case 'stopping':
        return poll(world, held, batch);
      case 'ended':
        return collect(world, held, batch, lane, all);
      case 'collected':
      case 'refused':
        return undefined;
    }
  }
}

function isHeavy(work: Work): boolean {
  return work.kind === 'submission'
    ? heavy.submission.includes(work.submission.state)
    : heavy.batch.includes(work.batch.state);
}

function duesIfKnown(
  world: BatchWorldInside,
  batch: Parameters<typeof duesOf>[1],
  lane: Parameters<typeof duesOf>[2],
  submission: Submission,
) {
  try {
    return duesOf(world, batch, lane, submission.step);
  } catch (thrown) {
    // The owner's key or the route is gone; what runs, runs.
    world.log.warn(
      { submission: submission.id, err: thrown },
      'nobody can be charged for a submission that runs',
    );
    return [];
  }
}
