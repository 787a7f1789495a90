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
    await this.#world.at('collect: before a segment');
    await this.#world.blobs.write(blob, inParts(parts));
    await this.#world.at('collect: after a segment');
    return this.#world.rows.items.addSegment(this.#batchNo, blob);
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

/** All blobs of one batch. */
export function folderOf(batchNo: number): string {
  return `batches/${batchNo}`;
}

async function* inParts(parts: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  yield Buffer.concat(parts);
}
