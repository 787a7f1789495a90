/**
 * Whether new requests should come here: not while it drains, and not while the store does not answer, since nothing is spent that cannot
 * be written down. A Redis that is away is no reason: limits then hold in process.
 */
import type { Clock } from '../core/clock.ts';

/** Load balancers ask every few seconds, often several of them: the store is asked once a second at most. */
const freshMs = 1_000;
/** Longer than a store that is well ever takes, shorter than probes usually wait (Kubernetes: 1 s unless told otherwise). */
const patienceMs = 900;

export class Readiness {
  readonly #ask: () => Promise<void>;
  readonly #clock: Clock;
  #latest: Promise<boolean> | undefined;
  #askedAtMs = 0;

  /** `ask` rejects where the store does not answer. */
  constructor(ask: () => Promise<void>, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  storeAnswers(): Promise<boolean> {
    const nowMs = this.#clock.now();
    if (this.#latest === undefined || nowMs - this.#askedAtMs >= freshMs) {
      this.#askedAtMs = nowMs;
      this.#latest = this.#inTime();
    }
    return this.#latest;
  }

  #inTime(): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(patienceMs, () => resolve(false));
      const answered = (well: boolean): void => {
        cancel();
        resolve(well);
      };
      this.#ask().then(
        () => answered(true),
        () => answered(false),
      );
    });
  }
}
