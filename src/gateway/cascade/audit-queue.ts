/** Work that nobody waits for, a few at a time. What finds the queue full is dropped: an audit is a sample, and a smaller one is still fair. */

/** Each is a call of a strong model under low priority; more at once would only wait for one another's room. */
const mostAtOnce = 4;
const mostWaiting = 256;
/** Of the requests that wait: each keeps its body. */
const mostBytes = 32_000_000;

interface Waiting {
  readonly bytes: number;
  readonly run: () => Promise<void>;
}

export class AuditQueue {
  #waiting: Waiting[] = [];
  #bytes = 0;
  #running = 0;
  #closed = false;
  readonly #onClose = new Set<() => void>();

  /** False: dropped. `run` must not reject. */
  offer(bytes: number, run: () => Promise<void>): boolean {
    if (this.#closed || this.#waiting.length >= mostWaiting || this.#bytes + bytes > mostBytes) return false;
    this.#waiting.push({ bytes, run });
    this.#bytes += bytes;
    this.#next();
    return true;
  }

  get pending(): number {
    return this.#waiting.length + this.#running;
  }

  /** Calls back when the gateway stops. The answer unsubscribes. */
  onClose(callback: () => void): () => void {
    if (this.#closed) callback();
    else this.#onClose.add(callback);
    return () => this.#onClose.delete(callback);
  }

  /** Drops what waits and ends what runs. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#bytes = 0;
    for (const callback of this.#onClose) callback();
    this.#onClose.clear();
  }

  #next(): void {
    while (this.#running < mostAtOnce) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#bytes -= next.bytes;
      this.#running += 1;
      void next.run().finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }
}
