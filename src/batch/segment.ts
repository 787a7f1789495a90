/**
 * Answers of a batch, some megabytes to a blob: JSON text in the caller's dialect, one after another. An item names its answer by segment and
 * range. A segment is durable before any item names it; what a crash leaves of one that nobody names goes with the batch.
 */
import type { BatchWorldInside } from './world.ts';

/** What a segment may grow to before it is written, and in memory no more. */
const mostBytes = 4 * 1024 * 1024;
const firstBytes = 64 * 1024;

export interface Place {
  readonly at: number;
  readonly bytes: number;
}

/** One buffer for all segments that it writes: a buffer for each answer, and another for their sum, is what memory would go to. */
export class SegmentWriter {
  readonly #world: BatchWorldInside;
  readonly #batchNo: number;
  readonly #name: string;
  #buffer = Buffer.allocUnsafe(firstBytes);
  #bytes = 0;

  /** `name`: whose answers they are, for those who look at the blobs. */
  constructor(world: BatchWorldInside, batchNo: number, name: string) {
    this.#world = world;
    this.#batchNo = batchNo;
    this.#name = name;
  }

  get full(): boolean {
    return this.#bytes >= mostBytes;
  }

  add(body: string): Place {
    const at = this.#bytes;
    // A UTF-16 unit takes at most three bytes.
    let bytes = body.length * 3;
    if (at + bytes + 1 > this.#buffer.length) {
      bytes = Buffer.byteLength(body);
      if (at + bytes + 1 > this.#buffer.length) this.#grow(at + bytes + 1);
    }
    const written = this.#buffer.write(body, at, 'utf8');
    this.#buffer[at + written] = 0x0a;
    this.#bytes = at + written + 1;
    return { at, bytes: written };
  }

  #grow(least: number): void {
    const larger = Buffer.allocUnsafe(Math.max(least, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#bytes);
    this.#buffer = larger;
  }

  /** The segment's number, once it is durable; nothing where nothing was added. Then the next one begins. */
  async close(): Promise<number | undefined> {
    if (this.#bytes === 0) return undefined;
    const blob = `${folderOf(this.#batchNo)}/segments/${this.#name}-${this.#world.makeId('').slice(-10)}`;
    await this.#world.at('segment: before the blob');
    await this.#world.blobs.write(blob, once(this.#buffer.subarray(0, this.#bytes)));
    this.#bytes = 0;
    await this.#world.at('segment: before the row');
    const segment = await this.#world.rows.items.addSegment(this.#batchNo, blob);
    await this.#world.at('segment: after the row');
    return segment;
  }
}

/** A segment's name where its answers came from single calls of one target, who is known from it. */
export function aloneSegment(target: string): string {
  return `alone-${Buffer.from(target, 'utf8').toString('hex')}`;
}

export function aloneTargetOf(blob: string): string | undefined {
  const name = /\/alone-([0-9a-f]+)-[a-z0-9]{10}$/.exec(blob)?.[1];
  return name === undefined ? undefined : Buffer.from(name, 'hex').toString('utf8');
}

/** Whose answers a segment has: for those of a submission its id. */
export function writerOf(blob: string): string | undefined {
  return /\/segments\/(.+)-[a-z0-9]{10}$/.exec(blob)?.[1];
}

/** All blobs of one batch. */
export function folderOf(batchNo: number): string {
  return `batches/${batchNo}`;
}

async function* once(part: Uint8Array): AsyncGenerator<Uint8Array> {
  yield part;
}
