/**
 * What is counted of one arm, in a form that adds up: over slots of time, and over replicas. Durations are counted in steps of a sixteenth
 * of a doubling (4 %), so that a window of any length takes the same memory.
 */
import type { Arm } from './contract.ts';

/** One request of a route with a canary, once it is over. */
export interface Sample {
  readonly arm: Arm;
  /** Absent: it says nothing of that, since its caller hung up. */
  readonly failed?: boolean;
  /** Absent: it failed, and how fast is no merit. */
  readonly durationMs?: number;
  /** Absent: nobody knows. */
  readonly costNanoUsd?: number;
}

export interface Figures {
  readonly requests: number;
  readonly failed: number;
  /** Step of the duration, and how many took so long. Ascending. */
  readonly durations: readonly (readonly [number, number])[];
  readonly costs: { readonly count: number; readonly sum: number; readonly squares: number };
  readonly compared: number;
  readonly agreed: number;
}

export const noFigures: Figures = {
  requests: 0,
  failed: 0,
  durations: [],
  costs: { count: 0, sum: 0, squares: 0 },
  compared: 0,
  agreed: 0,
};

const stepsADoubling = 16;
/** Twelve hours: longer than any budget of a request. */
const mostStep = stepsADoubling * 25.5;

export function stepOf(durationMs: number): number {
  return Math.min(mostStep, Math.floor(Math.log2(Math.max(1, durationMs)) * stepsADoubling));
}

/** The upper edge of a step. */
export function edgeOf(step: number): number {
  return 2 ** ((step + 1) / stepsADoubling);
}

export function countOf(durations: Figures['durations']): number {
  let count = 0;
  for (const [, times] of durations) count += times;
  return count;
}

/** The step that the sample of a rank falls in, counted from 1; `undefined`: there are not as many. */
export function stepAt(durations: Figures['durations'], rank: number): number | undefined {
  let seen = 0;
  for (const [step, times] of durations) {
    seen += times;
    if (seen >= rank) return step;
  }
  return undefined;
}

export function sumOf(all: readonly Figures[]): Figures {
  const tally = new Tally();
  for (const one of all) tally.merge(one);
  return tally.figures();
}

/** Figures that are still counted. */
class Tally {
  #requests = 0;
  #failed = 0;
  #compared = 0;
  #agreed = 0;
  readonly #durations = new Map<number, number>();
  readonly #costs = { count: 0, sum: 0, squares: 0 };

  add({ failed, durationMs, costNanoUsd }: Sample): void {
    if (failed !== undefined) this.#requests += 1;
    if (failed === true) this.#failed += 1;
    if (durationMs !== undefined) this.#duration(stepOf(durationMs), 1);
    if (costNanoUsd !== undefined) this.#cost(1, costNanoUsd, costNanoUsd ** 2);
  }

  compare(agreed: boolean): void {
    this.#compared += 1;
    if (agreed) this.#agreed += 1;
  }

  merge(other: Figures): void {
    this.#requests += other.requests;
    this.#failed += other.failed;
    this.#compared += other.compared;
    this.#agreed += other.agreed;
    for (const [step, times] of other.durations) this.#duration(step, times);
    this.#cost(other.costs.count, other.costs.sum, other.costs.squares);
  }

  #duration(step: number, times: number): void {
    this.#durations.set(step, (this.#durations.get(step) ?? 0) + times);
  }

  #cost(count: number, sum: number, squares: number): void {
    this.#costs.count += count;
    this.#costs.sum += sum;
    this.#costs.squares += squares;
  }

  figures(): Figures {
    return {
      requests: this.#requests,
      failed: this.#failed,
      durations: [...this.#durations].sort(([a], [b]) => a - b),
      costs: { ...this.#costs },
      compared: this.#compared,
      agreed: this.#agreed,
    };
  }
}

/** Enough that a window slides and does not jump. */
const slots = 20;

interface Slot {
  readonly number: number;
  readonly canary: Tally;
  readonly usual: Tally;
}

/** The latest of both arms: what is older than the window falls out, a twentieth of it at a time. */
export class SlidingFigures {
  readonly #slotMs: number;
  #slots: Slot[] = [];

  constructor(windowMs: number) {
    this.#slotMs = Math.max(1, windowMs / slots);
  }

  add(sample: Sample, nowMs: number): void {
    this.#slot(nowMs)[sample.arm].add(sample);
  }

  compare(agreed: boolean, nowMs: number): void {
    this.#slot(nowMs).canary.compare(agreed);
  }

  figures(arm: Arm, nowMs: number): Figures {
    const oldest = Math.floor(nowMs / this.#slotMs) - slots;
    return sumOf(this.#slots.filter(({ number }) => number > oldest).map((slot) => slot[arm].figures()));
  }

  #slot(nowMs: number): Slot {
    const number = Math.floor(nowMs / this.#slotMs);
    const last = this.#slots.at(-1);
    // A clock that goes back counts where it was.
    if (last !== undefined && last.number >= number) return last;
    const slot = { number, canary: new Tally(), usual: new Tally() };
    this.#slots = [...this.#slots.filter((one) => one.number > number - slots), slot];
    return slot;
  }
}
