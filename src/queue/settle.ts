/**
 * Takes what came of items of batches to the requests that they were, as it comes: a request need not wait for the last of its batch. What is
 * known to be taken is remembered here alone; after a start all of it is taken again, and what has ended stays as it is.
 */
import { GatewayError } from '../core/errors.ts';
import { failedWith, type SettledRequest, settledBy } from './answer-of-item.ts';
import type { GatherWorld } from './gather.ts';
import type { GatheredBatch, RenderError } from './gathering/contract.ts';

export interface SettleWorld extends Pick<GatherWorld, 'rows' | 'road' | 'clock' | 'events' | 'at'> {
  readonly render: RenderError;
}

/** Batches that are looked at each time, one after another; others have their turn next. */
const mostLooks = 50;
/** Requests of a batch that knows nothing of them. */
const leftPage = 100;

/** What was taken of a batch. */
interface Taken {
  /** Of its items, when it was last looked at. */
  settled: number;
  /** A bit for each. */
  readonly bits: Uint8Array;
}

export class Settler {
  readonly #world: SettleWorld;
  /** Of batches that are open here, and so never more than these. */
  readonly #taken = new Map<number, Taken>();
  #last = 0;

  constructor(world: SettleWorld) {
    this.#world = world;
  }

  async settle(stopped: () => boolean): Promise<void> {
    const open = await this.#world.rows.openBatches();
    for (const no of this.#taken.keys()) if (!open.includes(no)) this.#taken.delete(no);
    // From where the last look left off, and round.
    const next = [...open.filter((no) => no > this.#last), ...open.filter((no) => no <= this.#last)];
    for (const no of next.slice(0, mostLooks)) {
      if (stopped()) return;
      this.#last = no;
      await this.#look(no);
    }
  }

  async #look(no: number): Promise<void> {
    const { road } = this.#world;
    const batch = await road.look(no);
    if (batch === undefined) return this.#giveUp(no, undefined);
    let taken = this.#taken.get(no);
    if (taken === undefined || taken.bits.length < bytesFor(batch.total)) {
      taken = { settled: 0, bits: new Uint8Array(bytesFor(batch.total)) };
      this.#taken.set(no, taken);
    }
    if (batch.settled > taken.settled) await this.#take(no, batch, taken);
    if (!batch.ended) return;
    await this.#giveUp(no, batch);
    await road.forget(no);
    this.#taken.delete(no);
  }

  async #take(no: number, batch: GatheredBatch, taken: Taken): Promise<void> {
    const { rows, road, clock, render, at } = this.#world;
    const { bits } = taken;
    const known = (seq: number): boolean => ((bits[seq >> 3] ?? 0) & (1 << (seq & 7))) !== 0;
    for await (const finals of road.results(no, known)) {
      const settled = finals.map((item) => settledBy(item, batch.dialect, render));
      await at('settle: before the rows');
      await rows.settleBatched(settled, clock.now());
      await at('settle: after the rows');
      for (const { seq } of finals) bits[seq >> 3] = (bits[seq >> 3] ?? 0) | (1 << (seq & 7));
      this.#count(settled);
    }
    taken.settled = batch.settled;
  }

  /** Requests of a batch that ended without a word of them: it could not be run, or was removed. */
  async #giveUp(no: number, batch: GatheredBatch | undefined): Promise<void> {
    const { rows, clock, render } = this.#world;
    const { code, message } = batch?.problem ?? {
      code: 'internal' as const,
      message: 'The batch that the request was in is gone.',
    };
    for (;;) {
      const left = await rows.ofBatch(no, 0, leftPage);
      if (left.length === 0) return;
      const settled = left.map(({ id, dialect }) =>
        failedWith(id, new GatewayError(code, message), dialect, render),
      );
      if ((await rows.settleBatched(settled, clock.now())) === 0) return;
      this.#count(settled);
    }
  }

  #count(settled: readonly SettledRequest[]): void {
    for (const state of ['answered', 'failed', 'cancelled'] as const) {
      const requests = settled.filter((one) => one.state === state).length;
      if (requests > 0) this.#world.events.settled(state, requests);
    }
  }
}

function bytesFor(items: number): number {
  return (items >> 3) + 1;
}
