/** What a load balancer does for callers: another replica where one takes no connection, and none that is not ready. */
import type { Replica } from './scene.ts';

/** Nobody is ready for longer than this only while the store itself is away. */
const patienceMs = 90_000;
const pauseMs = 200;
/** What a `preStop` hook waits. */
const leaveMs = 1_000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Balancer {
  readonly #replicas: readonly Replica[];
  readonly #out = new Set<number>();
  #turn = 0;

  constructor(replicas: readonly Replica[]) {
    this.#replicas = replicas;
  }

  next(): string {
    do this.#turn = (this.#turn + 1) % this.#replicas.length;
    while (this.#out.has(this.#turn) && this.#out.size < this.#replicas.length);
    return this.#replicas[this.#turn]?.url ?? '';
  }

  /** It gets no new connections, as before its end in any rolling update; what was on its way arrives. */
  async takeOut(index: number): Promise<void> {
    this.#out.add(index);
    await pause(leaveMs);
  }

  putIn(index: number): void {
    this.#out.delete(index);
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
