/**
 * Writes of many that each wait for their own: what comes while one write is under way goes with the next, all at once. A busy queue pays for
 * one durable write where it would pay for dozens, and an idle one waits for nothing.
 */
export class Together<T> {
  readonly #write: (all: readonly T[]) => Promise<void>;
  #writing = false;
  #next: { readonly all: T[]; readonly done: Promise<void>; readonly begin: () => void } | undefined;

  constructor(write: (all: readonly T[]) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when they are durable; rejects as their write does. */
  add(some: readonly T[]): Promise<void> {
    if (some.length === 0) return Promise.resolve();
    this.#next ??= this.#collect();
    this.#next.all.push(...some);
    const { done } = this.#next;
    if (!this.#writing) this.#begin();
    return done;
  }

  #collect() {
    const all: T[] = [];
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    return { all, begin, done: begun.then(() => this.#write(all)) };
  }

  #begin(): void {
    const next = this.#next;
    if (next === undefined) return;
    this.#next = undefined;
    this.#writing = true;
    const ended = (): void => {
      this.#writing = false;
      this.#begin();
    };
    next.done.then(ended, ended);
    next.begin();
  }
}
