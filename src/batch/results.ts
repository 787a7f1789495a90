/** What came of items, as whoever asked is told: the answer out of its segment, and by whom, how and for how much it was given. */
import type { StoredAnswer } from '../stores/batch/contract.ts';
import type { Batch, FinalItem, Item, Submission } from './contract.ts';
import { defaultError } from './final-error.ts';
import { type LocalBlob, openLocal } from './local-blob.ts';
import { aloneTargetOf } from './segment.ts';
import type { BatchWorldInside } from './world.ts';

/** Segments that are open at once, of some 8 MB each. */
const mostOpen = 128;

export class Results {
  readonly #world: BatchWorldInside;
  readonly #batch: Batch;
  readonly #submissions: ReadonlyMap<string, Submission>;
  readonly #segments: ReadonlyMap<number, string>;
  readonly #open = new Map<number, LocalBlob>();

  private constructor(
    world: BatchWorldInside,
    batch: Batch,
    submissions: readonly Submission[],
    segments: readonly { readonly segment: number; readonly blob: string }[],
  ) {
    this.#world = world;
    this.#batch = batch;
    this.#submissions = new Map(submissions.map((one) => [one.id, one]));
    this.#segments = new Map(segments.map(({ segment, blob }) => [segment, blob]));
  }

  static async open(world: BatchWorldInside, batch: Batch): Promise<Results> {
    const { items, submissions } = world.rows;
    return new Results(world, batch, await submissions.ofBatch(batch.no), await items.segments(batch.no));
  }

  /** Those that were asked in the place of twins. */
  async originals(items: readonly Item[]): Promise<ReadonlyMap<number, Item>> {
    const wanted = new Set(items.flatMap(({ twinOf }) => twinOf ?? []));
    if (wanted.size === 0) return new Map();
    const seqs = [...wanted].sort((a, b) => a - b);
    const found = await this.#world.rows.items.get(this.#batch.no, seqs);
    return new Map(found.map((item) => [item.seq, item]));
  }

  /** `asked`: the item itself, or whose twin it is. */
  async final(item: Item, asked: Item): Promise<FinalItem> {
    const { customId, seq, result } = item;
    const common = { batch: this.#batch, customId, seq };
    if (item.state === 'done' && result !== undefined) {
      const segment = await this.#segment(result.segment);
      const submission = this.#submissions.get(asked.submission ?? '');
      return {
        ...common,
        kind: 'done',
        body: segment.read(result.at, result.bytes).toString('utf8'),
        provenance: {
          target: this.#targetOf(asked),
          attempts: item.attempts,
          promptHash: item.hash,
          costNanoUsd: item.twinOf === undefined ? result.costNanoUsd : 0,
          listNanoUsd: result.listNanoUsd,
          ...(submission === undefined ? {} : { submission: submission.id }),
          ...(item.twinOf === undefined ? {} : { twinOf: String(item.twinOf) }),
        },
      };
    }
    const kind =
      item.state === 'rejected' || item.state === 'dead' || item.state === 'cancelled'
        ? item.state
        : 'expired';
    return { ...common, kind, error: item.error ?? defaultError(kind) };
  }

  /** Who answered; '' where a rule did, or earlier work. */
  #targetOf({ submission, result }: Item): string {
    const sent = submission === undefined ? undefined : this.#submissions.get(submission);
    if (sent !== undefined) return sent.target;
    return aloneTargetOf(this.#segments.get(result?.segment ?? 0) ?? '') ?? '';
  }

  async #segment(number: number): Promise<LocalBlob> {
    const open = this.#open.get(number);
    if (open !== undefined) return open;
    const blob = this.#segments.get(number);
    if (blob === undefined) throw new Error(`Batch ${this.#batch.no} has no segment ${number}.`);
    const oldest = this.#open.size >= mostOpen ? this.#open.entries().next().value : undefined;
    if (oldest !== undefined) {
      this.#open.delete(oldest[0]);
      await oldest[1].close();
    }
    const opened = await openLocal(this.#world, blob);
    this.#open.set(number, opened);
    return opened;
  }

  /** Kept for those who allow answers to be used again. */
  reusable(item: Item): StoredAnswer[] {
    const { result } = item;
    const wanted = this.#batch.reuseMs ?? this.#world.settings().reuseMs;
    if (wanted === undefined || result === undefined || item.twinOf !== undefined || item.attempts === 0)
      return [];
    const blob = this.#segments.get(result.segment);
    if (blob === undefined) return [];
    return [
      {
        owner: this.#batch.owner,
        hash: item.hash,
        shape: this.#batch.shape,
        blob,
        at: result.at,
        bytes: result.bytes,
        target: this.#targetOf(item),
        listNanoUsd: result.listNanoUsd,
        atMs: this.#world.clock.now(),
      },
    ];
  }

  async close(): Promise<void> {
    for (const segment of this.#open.values()) await segment.close();
    this.#open.clear();
  }
}
