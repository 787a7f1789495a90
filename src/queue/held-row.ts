/**
 * The row of a request that a worker holds. What came of the request is written under the claim that is ours when it is written: a process that was
 * so slow that its claim ran out, and has claimed the request again, goes on under the new one.
 */
import type { HeldRequest, SettledRequest } from '../stores/queue/contract.ts';
import type { QueuedAnswer, QueuedRequest } from './contract.ts';
import type { Together } from './together.ts';
import type { QueueWorld } from './world.ts';

export class HeldRow {
  readonly #world: Pick<QueueWorld, 'at' | 'clock' | 'events' | 'rows' | 'wakeUps'>;
  readonly #settling: Together<SettledRequest, boolean>;
  #held: HeldRequest;
  /** Nothing is written to it any more. */
  #done = false;

  constructor(
    world: Pick<QueueWorld, 'at' | 'clock' | 'events' | 'rows' | 'wakeUps'>,
    settling: Together<SettledRequest, boolean>,
    held: HeldRequest,
  ) {
    this.#world = world;
    this.#settling = settling;
    this.#held = held;
  }

  get held(): HeldRequest {
    return this.#held;
  }

  get request(): QueuedRequest {
    return this.#held.request;
  }

  /** It was claimed again. False: it is done. */
  hold(held: HeldRequest): boolean {
    if (!this.#done) this.#held = held;
    return !this.#done;
  }

  /** It is not ours to write. */
  drop(): void {
    this.#done = true;
  }

  /** `code`: why it has failed. */
  async end(
    state: 'answered' | 'failed',
    answer: QueuedAnswer,
    costNanoUsd: number,
    code?: string,
  ): Promise<void> {
    const world = this.#world;
    const nowMs = world.clock.now();
    await world.at('queue: before the answer');
    const kept = await this.#write((held) => this.#settling.add({ held, state, answer, costNanoUsd }));
    await world.at('queue: after the answer');
    if (kept) world.events.ended(this.request, state, code, nowMs - this.request.createdAtMs);
  }

  /** It waits again. `counted`: a call was made for it. */
  async release(dueAtMs: number, counted: boolean, why: string): Promise<void> {
    const world = this.#world;
    await world.at('queue: before the release');
    const released = await this.#write((held) => world.rows.release(held, dueAtMs, counted));
    await world.at('queue: after the release');
    if (!released) return;
    world.events.requeued(this.request, why);
    world.wakeUps.at('queued', dueAtMs);
  }

  /** False where the claim is not this process's any more. */
  async #write(write: (held: HeldRequest) => Promise<boolean>): Promise<boolean> {
    // Ends: it goes on only where the request was claimed anew meanwhile.
    for (;;) {
      const held = this.#held;
      const written = await write(held);
      if (held !== this.#held) continue;
      this.#done = true;
      return written;
    }
  }
}
