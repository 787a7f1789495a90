/** A sink without a socket: closed by whoever made it. */
import type { Sink } from './contract.ts';

export class HandSink implements Sink {
  closed = false;
  readonly #watchers = new Set<() => void>();

  onClose(callback: () => void): () => void {
    if (this.closed) callback();
    else this.#watchers.add(callback);
    return () => {
      this.#watchers.delete(callback);
    };
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher();
  }
}
