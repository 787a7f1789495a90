/** Answers of a batch, read back out of its segments. Each that is read is held open, the longest held ones only up to a number. */
import { type LocalBlob, openLocal } from './local-blob.ts';
import type { Place } from './segment.ts';
import type { BatchWorldInside } from './world.ts';

/** Segments that are open at once, of some 8 MB each. */
const mostOpen = 128;

type World = Pick<BatchWorldInside, 'rows' | 'blobs' | 'scratch' | 'makeId'>;

export class Segments {
  readonly #world: World;
  readonly #batchNo: number;
  #blobs: ReadonlyMap<number, string> = new Map();
  readonly #open = new Map<number, LocalBlob>();

  constructor(world: World, batchNo: number) {
    this.#world = world;
    this.#batchNo = batchNo;
  }

  /** Looks again where it does not know it: others may have been added since. */
  async blob(number: number): Promise<string> {
    const known = this.#blobs.get(number);
    if (known !== undefined) return known;
    const rows = await this.#world.rows.items.segments(this.#batchNo);
    this.#blobs = new Map(rows.map(({ segment, blob }) => [segment, blob]));
    const found = this.#blobs.get(number);
    if (found === undefined) throw new Error(`Batch ${this.#batchNo} has no segment ${number}.`);
    return found;
  }

  /** Valid until the next read. */
  async read({ segment, at, bytes }: Place & { readonly segment: number }): Promise<Buffer> {
    return (await this.#opened(segment)).read(at, bytes);
  }

  async #opened(number: number): Promise<LocalBlob> {
    const open = this.#open.get(number);
    if (open !== undefined) return open;
    const blob = await this.blob(number);
    const oldest = this.#open.size >= mostOpen ? this.#open.entries().next().value : undefined;
    if (oldest !== undefined) {
      this.#open.delete(oldest[0]);
      await oldest[1].close();
    }
    const opened = await openLocal(this.#world, blob);
    this.#open.set(number, opened);
    return opened;
  }

  async close(): Promise<void> {
    for (const segment of this.#open.values()) await segment.close();
    this.#open.clear();
  }
}
