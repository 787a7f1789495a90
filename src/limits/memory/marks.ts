/**
 * How budgets of one process survive its crash without a write for every request: before a budget's total may pass
 * its mark, a higher mark is durable. After a crash the mark counts as used, so a cap still holds; what it costs is at most one
 * step of the cap, a hundredth of it, which `close` gives back after an orderly stop. A mark that was raised for money that was only set
 * aside comes down again, though not at once: whoever sets aside as much a moment later would wait for it to rise.
 */
import type { Charge } from '../contract.ts';

/** What the marks use of a store. */
export interface MarkWriter {
  write(
    marks: readonly { readonly name: string; readonly nanoUsd: number; readonly expiresAtMs: number }[],
  ): Promise<void>;
}

/** Larger steps lose more of a budget to a crash, smaller ones write more often: at most some hundred writes a window. */
const steps = 100;
/** Then those are forgotten whose windows are over. */
const mostStates = 10_000;

/** How long a mark stays too high: longer counts too much after a crash, shorter writes more and makes some wait. */
const lowerAfterMs = 10_000;

interface State {
  /** Durable, or less than what is. */
  mark: number;
  /** When it was last seen to be needed. */
  neededAtMs: number;
  /** On its way, if one is. */
  writing: { readonly mark: number; readonly done: Promise<void> } | undefined;
  readonly expiresAtMs: number;
}

export class Marks {
  readonly #writer: MarkWriter;
  readonly #first: ReadonlyMap<string, number>;
  readonly #states = new Map<string, State>();

  /** `first`: what earlier processes may have used of the windows that run. */
  constructor(writer: MarkWriter, first: ReadonlyMap<string, number>) {
    this.#writer = writer;
    this.#first = first;
  }

  first(key: string): number {
    return this.#first.get(key) ?? 0;
  }

  /** A promise only where `total` is not covered yet; it rejects when the mark cannot be written, and then nothing may be sent. */
  cover(charge: Charge, total: number, nowMs: number): Promise<void> | undefined {
    if (charge.capNanoUsd === Number.POSITIVE_INFINITY) return undefined;
    let state = this.#states.get(charge.key);
    if (state === undefined) {
      this.#forget(nowMs);
      state = {
        mark: this.first(charge.key),
        neededAtMs: nowMs,
        writing: undefined,
        expiresAtMs: charge.expiresAtMs,
      };
      this.#states.set(charge.key, state);
    }
    const tooHigh = state.mark > total + 2 * stepOf(charge);
    if (!tooHigh) state.neededAtMs = nowMs;
    else if (state.writing === undefined && nowMs - state.neededAtMs >= lowerAfterMs) {
      state.neededAtMs = nowMs;
      state.mark = markFor(charge, total);
      this.#write(charge, state, state.mark);
    }
    return this.#covered(charge, state, total);
  }

  #covered(charge: Charge, state: State, total: number): Promise<void> | undefined {
    const wanted = markFor(charge, total);
    // Half a step ahead, so that hardly anybody ever waits.
    const soon = total + stepOf(charge) / 2 > state.mark;
    if (state.writing === undefined && soon && wanted > state.mark) this.#write(charge, state, wanted);
    if (total <= state.mark) return undefined;
    const { writing } = state;
    if (writing !== undefined && total <= writing.mark) return writing.done;
    const before = writing?.done.catch(() => undefined) ?? Promise.resolve();
    return before.then(() => this.#covered(charge, state, total));
  }

  #write(charge: Charge, state: State, mark: number): void {
    const written = this.#writer.write([
      { name: charge.key, nanoUsd: mark, expiresAtMs: charge.expiresAtMs },
    ]);
    const done = written.then(
      () => {
        state.mark = Math.max(state.mark, mark);
        state.writing = undefined;
      },
      (thrown: unknown) => {
        state.writing = undefined;
        throw thrown;
      },
    );
    // Whoever needs the mark hears of the failure through `cover`; ahead of need nobody listens yet.
    done.catch(() => undefined);
    state.writing = { mark, done };
  }

  /** Windows that are over, when there are many. */
  #forget(nowMs: number): void {
    if (this.#states.size < mostStates) return;
    for (const [key, { expiresAtMs, writing }] of this.#states)
      if (expiresAtMs <= nowMs && writing === undefined) this.#states.delete(key);
  }

  /** The last word: says what was used, after all that is still on its way. */
  async close(marks: () => Parameters<MarkWriter['write']>[0]): Promise<void> {
    for (const { writing } of this.#states.values()) await writing?.done.catch(() => undefined);
    const exact = marks();
    if (exact.length > 0) await this.#writer.write(exact);
  }
}

const stepOf = ({ capNanoUsd, nanoUsd }: Charge): number => Math.max(Math.ceil(capNanoUsd / steps), nanoUsd);

/** Never over the cap, unless the total is. */
const markFor = (charge: Charge, total: number): number =>
  Math.max(total, Math.min(total + stepOf(charge), charge.capNanoUsd));
