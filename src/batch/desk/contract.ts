/** What callers may ask of batches, by whatever way in. */
import type { Batch, Item, ItemAttempt, NewBatch, Owner, StoredFile, Submission } from '../contract.ts';

export interface Page {
  /** The id that the page begins after, or before. */
  readonly after?: string;
  readonly before?: string;
  /** At most 1,000. */
  readonly limit: number;
}

export interface Paged<T> {
  /** Newest first. */
  readonly data: readonly T[];
  readonly hasMore: boolean;
}

export interface DeadLetter {
  readonly item: Item;
  readonly attempts: readonly ItemAttempt[];
}

/**
 * What callers may ask. Everything is of one owner: what belongs to another is not found. Throws `GatewayError`: `not_found`,
 * `invalid_request`, `conflict`.
 */
export interface BatchDesk {
  /**
   * Durable when it resolves; nothing is kept when `bytes` throws. `keepMs` is to be read when the bytes have ended: in a form it may
   * come after them.
   */
  addFile(
    owner: Owner,
    file: { readonly filename: string; readonly purpose: string; readonly keepMs?: number | undefined },
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<StoredFile>;
  file(owner: Owner, id: string): Promise<StoredFile>;
  files(
    owner: Owner,
    page: Page & { readonly purpose?: string; readonly ascending?: boolean },
  ): Promise<Paged<StoredFile>>;
  removeFile(owner: Owner, id: string): Promise<void>;
  readFile(file: StoredFile): AsyncIterable<Uint8Array>;
  /** Lines that came inline, as the input of a batch that is created next. Nothing is kept when `lines` throws. */
  addInput(
    owner: Owner,
    lines: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly blob: string; readonly bytes: number }>;

  /** Durable when it resolves. `replayed`: the idempotency key was used before, and this is what it made then. */
  create(
    owner: Owner,
    wanted: NewBatch,
    team?: string,
  ): Promise<{ readonly batch: Batch; readonly replayed: boolean }>;
  batch(owner: Owner, id: string): Promise<Batch>;
  batches(owner: Owner, page: Page & { readonly shape?: string }): Promise<Paged<Batch>>;
  cancel(owner: Owner, id: string): Promise<Batch>;
  /** Only what has ended. */
  remove(owner: Owner, id: string): Promise<void>;
  /** Lines of an output that is written; nothing where there is none. */
  readOutput(batch: Batch, output: 'output' | 'error'): AsyncIterable<Uint8Array>;

  submissions(owner: Owner, id: string): Promise<readonly Submission[]>;
  deadLetters(owner: Owner, id: string, after: number, limit: number): Promise<readonly DeadLetter[]>;
  /** Dead letters become open again, with no strikes; the batch runs again. Returns how many. */
  retryDead(owner: Owner, id: string, windowMs?: number): Promise<number>;
}
