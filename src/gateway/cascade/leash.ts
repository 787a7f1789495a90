/** A sink's end of the line for calls that only inform: they end with the caller, or when what they would say is no longer wanted. */
import type { Sink } from '../../router/contract.ts';

export class Leash implements Sink {
  closed = false;
  readonly #callbacks = new Set<() => void>();
  readonly #forget: () => void;

  /** `end`: subscribes to what ends it too. */
  constructor(end: (callback: () => void) => () => void) {
    this.#forget = end(() => this.cut());
  }

  onClose(callback: () => void): () => void {
    if (this.closed) callback();
    else this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  cut(): void {
    if (this.closed) return;
    this.closed = true;
    const callbacks = [...this.#callbacks];
    this.#callbacks.clear();
    for (const callback of callbacks) callback();
  }

  /** It came to its own end. */
  release(): void {
    this.#forget();
  }
}
