/**
 * Answers of a batch, some megabytes to a blob: JSON text in the caller's dialect, one after another. An item names its answer by segment and
 * range. A segment is durable before any item names it; what a crash leaves of one that nobody names goes with the batch.
 */
import type { BatchWorldInside } from './world.ts';

/** What one segment holds at most in memory before it is written. */
const mostBytes = 8 * 1024 * 1024;

export interface Place {
  readonly at: number;
  readonly bytes: number;
}

export class SegmentWriter {
  readonly #world: BatchWorldInside;
  readonly #batchNo: number;
  readonly #name: string;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** `name`: unique in the batch, or the same content every time. */
  constructor(world: BatchWorldInside, batchNo: number, name: string) {
    this.#world = world;
    this.#batchNo = batchNo;
    this.#name = name;
  }

  get full(): boolean {
    return this.#bytes >= mostBytes;
  }

  add(body: string): Place {
    const part = Buffer.from(`${body}\n`, 'utf8');
    const place = { at: this.#bytes, bytes: part.length - 1 };
    this.#parts.push(part);
    this.#bytes += part.length;
    return place;
  }

  /** The segment's number, once it is durable; nothing where nothing was added. */
  async close(): Promise<number | undefined> {
    if (this.#parts.length === 0) return undefined;
    const parts = this.#parts;
    this.#parts = [];
    const blob = `${folderOf(this.#batchNo)}/segments/${this.#name}-${this.#world.makeId('').slice(-10)}`;
    await this.#world.at('segment: before the blob');
    await this.#world.blobs.write(blob, inParts(parts));
    await this.#world.at('segment: before the row');
    const segment = await this.#world.rows.items.addSegment(this.#batchNo, blob);
    await this.#world.at('segment: after the row');
    return segment;
  }
}

/** All blobs of one batch. */
export function folderOf(batchNo: number): string {
  return `batches/${batchNo}`;
}

async function* inParts(parts: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield Buffer.concat(parts);
}
