/**
 * Writes of many that each wait for their own: what comes while one write is under way goes with the next, all at once. A busy queue pays for
 * one durable write where it would pay for dozens, and an idle one waits for nothing.
 */
export class Together<T, R> {
  readonly #write: (all: readonly T[]) => Promise<readonly R[]>;
  #writing = false;
  #next: Next<T, R> | undefined;

  /** `write` answers for each, in order. */
  constructor(write: (all: readonly T[]) => Promise<readonly R[]>) {
    this.#write = write;
  }

  /** Resolves when it is durable; rejects as its write does. */
  async add(one: T): Promise<R> {
    this.#next ??= this.#collect();
    const { all, done } = this.#next;
    const index = all.push(one) - 1;
    if (!this.#writing) this.#begin();
    const answer = (await done)[index];
    if (answer === undefined) throw new Error('A write has not answered for all.');
    return answer;
  }

  #collect(): Next<T, R> {
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

interface Next<T, R> {
  readonly all: T[];
  readonly done: Promise<readonly R[]>;
  readonly begin: () => void;
}
