/** What a load balancer does for callers: another replica where one takes no connection, and none that is not ready. */
import type { Replica } from './scene.ts';

/** Nobody is ready for longer than this only while the store itself is away. */
const patienceMs = 90_000;
const pauseMs = 200;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Balancer {
  readonly #replicas: readonly Replica[];
  #turn = 0;

  constructor(replicas: readonly Replica[]) {
    this.#replicas = replicas;
  }

  next(): string {
    this.#turn = (this.#turn + 1) % this.#replicas.length;
    return this.#replicas[this.#turn]?.url ?? '';
  }

  /** For what may be repeated without harm: until somebody answers with a success. */
  async insist<T>(what: string, act: (url: string) => Promise<T>): Promise<T> {
    const latest = performance.now() + patienceMs;
    for (;;) {
      try {
        return await act(this.next());
      } catch (thrown) {
        if (performance.now() > latest) throw new Error(`${what}: ${String(thrown)}`, { cause: thrown });
        await pause(pauseMs);
      }
    }
  }
}
