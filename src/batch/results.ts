/** What came of items, as whoever asked is told: the answer out of its segment, and by whom, how and for how much it was given. */
import type { StoredAnswer } from '../stores/batch/contract.ts';
import { outcomeOf } from './cascade/outcome.ts';
import type { Batch, Item, Lane, Submission } from './contract.ts';
import { defaultError } from './final-error.ts';
import { aloneTargetOf, writerOf } from './segment.ts';
import { Segments } from './segments.ts';
import type { FinalItem } from './shape/contract.ts';
import type { BatchWorldInside } from './world.ts';

type World = Pick<BatchWorldInside, 'rows' | 'blobs' | 'settings' | 'scratch' | 'makeId' | 'clock'>;

export class Results {
  readonly #world: World;
  readonly #batch: Batch;
  readonly #submissions: ReadonlyMap<string, Submission>;
  readonly #blobs: ReadonlyMap<number, string>;
  readonly #lanes: readonly Lane[];
  readonly #segments: Segments;

  private constructor(
    world: World,
    batch: Batch,
    submissions: readonly Submission[],
    segments: readonly { readonly segment: number; readonly blob: string }[],
    lanes: readonly Lane[],
  ) {
    this.#world = world;
    this.#batch = batch;
    this.#submissions = new Map(submissions.map((one) => [one.id, one]));
    this.#blobs = new Map(segments.map(({ segment, blob }) => [segment, blob]));
    this.#lanes = lanes;
    this.#segments = new Segments(world, batch.no);
  }

  static async open(world: World, batch: Batch): Promise<Results> {
    const { items, submissions } = world.rows;
    return new Results(
      world,
      batch,
      await submissions.ofBatch(batch.no),
      await items.segments(batch.no),
      await items.lanes(batch.no),
    );
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
      const submission = this.#submissionOf(asked);
      const cascade = outcomeOf(asked, this.#lanes);
      return {
        ...common,
        kind: 'done',
        body: (await this.#segments.read(result)).toString('utf8'),
        provenance: {
          target: this.#targetOf(asked),
          attempts: item.attempts,
          promptHash: item.hash,
          costNanoUsd: item.twinOf === undefined ? result.costNanoUsd : 0,
          listNanoUsd: result.listNanoUsd,
          ...(submission === undefined ? {} : { submission: submission.id }),
          ...(item.twinOf === undefined ? {} : { twinOf: String(item.twinOf) }),
          ...(cascade === undefined ? {} : { cascade }),
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
  #targetOf(item: Item): string {
    const sent = this.#submissionOf(item);
    if (sent !== undefined) return sent.target;
    return aloneTargetOf(this.#blobs.get(item.result?.segment ?? 0) ?? '') ?? '';
  }

  /** The one that its answer came from: under a cascade that need not be the last that it was in. */
  #submissionOf({ submission, result, cascade }: Item): Submission | undefined {
    const name = cascade === undefined ? submission : writerOf(this.#blobs.get(result?.segment ?? 0) ?? '');
    return name === undefined ? undefined : this.#submissions.get(name);
  }

  /** Kept for those who allow answers to be used again. */
  reusable(item: Item): StoredAnswer[] {
    const { result } = item;
    const wanted = this.#batch.reuseMs ?? this.#world.settings().reuseMs;
    if (wanted === undefined || result === undefined || item.twinOf !== undefined || item.attempts === 0)
      return [];
    const blob = this.#blobs.get(result.segment);
    // Under a cascade, what stands for want of a better answer is not used again.
    const isKept = item.cascade !== undefined && item.cascade.outcome === undefined;
    if (blob === undefined || isKept) return [];
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

  close(): Promise<void> {
    return this.#segments.close();
  }
}
