/**
 * Ends a batch: twins take their originals' answers, the results are written in the caller's shape, in the order of the input, and whoever waits
 * is told. Written anew from the rows each time it is begun, so a crash costs time alone.
 */
import { createReadStream } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredAnswer } from '../stores/batch/contract.ts';
import { announcementOf } from './announce.ts';
import { outcomeOf } from './cascade/outcome.ts';
import type { Batch, BatchShape, FinalItem, Item, Lane, Submission } from './contract.ts';
import { defaultError } from './final-error.ts';
import { aloneTargetOf, folderOf, writerOf } from './segment.ts';
import { Segments } from './segments.ts';
import type { BatchWorldInside } from './world.ts';

const pageItems = 2_000;
const partBytes = 256 * 1024;

export async function finish(world: BatchWorldInside, batch: Batch, signal: AbortSignal): Promise<boolean> {
  const shape = world.shapes.get(batch.shape);
  if (shape === undefined) return false;
  await world.at('finish: before the twins');
  await world.rows.items.settleTwins(batch.no);
  await world.at('finish: after the twins');
  const results = await Results.open(world, batch, shape);
  const outputs: Record<string, string> = {};
  const errors = join(world.scratch, world.makeId('errors_'));
  try {
    await writeFile(errors, '');
    const write = async (output: 'output' | 'error', lines: AsyncIterable<Uint8Array>): Promise<void> => {
      const blob = `${folderOf(batch.no)}/${output}-${batch.finishingAtMs ?? 0}.jsonl`;
      await world.at(`finish: before the ${output}`);
      const { bytes } = await world.blobs.write(blob, lines);
      await world.at(`finish: after the ${output}`);
      if (bytes > 0) outputs[output] = await addFile(world, batch, output, blob, bytes);
      else await world.blobs.remove(blob);
    };
    await write('output', results.lines(errors, signal));
    await write('error', createReadStream(errors, { highWaterMark: partBytes }));
  } finally {
    await results.close();
    await rm(errors, { force: true });
  }
  if (signal.aborted) return false;
  await world.at('finish: before the outcome');
  const nowMs = world.clock.now();
  const counts = await world.rows.items.counts(batch.no);
  const state =
    batch.cancellingAtMs !== undefined ? 'cancelled' : counts.expired > 0 ? 'expired' : 'completed';
  const patch = { outputs, endedAtMs: nowMs };
  const announcement = await announcementOf(world, { ...batch, ...patch, state, counts });
  const moved = await world.rows.batches.move(batch.no, ['finishing'], state, patch, announcement);
  await world.at('finish: after the outcome');
  const ended = await world.rows.batches.byNo(batch.no);
  if (!moved || ended === undefined) return false;
  world.events.batchEnded(ended);
  // Rejected lines count as failed too, but their caller is told of them, and trying again does not help.
  const dead =
    counts.failed > 0 && (await world.rows.items.page(batch.no, 0, 1, { states: ['dead'] })).length > 0;
  if (dead) world.events.deadLetters(ended, counts.failed);
  return true;
}

/** One id for each time that the batch has come to its end, so that a crash makes no second file and dead letters tried again a new one. */
async function addFile(
  world: BatchWorldInside,
  batch: Batch,
  output: 'output' | 'error',
  blob: string,
  bytes: number,
): Promise<string> {
  const round = (batch.finishingAtMs ?? 0).toString(36);
  const id = `file-${output}${batch.id.replace(/^[a-z]+_/, '')}${round}`;
  const nowMs = world.clock.now();
  await world.rows.files.create({
    id,
    owner: batch.owner,
    filename: `${batch.id}_${output}.jsonl`,
    purpose: 'batch_output',
    bytes,
    blob,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + (batch.keepMs ?? world.settings().keepMs),
  });
  return id;
}

class Results {
  readonly #world: BatchWorldInside;
  readonly #batch: Batch;
  readonly #shape: BatchShape;
  readonly #submissions: ReadonlyMap<string, Submission>;
  readonly #blobs: ReadonlyMap<number, string>;
  readonly #lanes: readonly Lane[];
  readonly #segments: Segments;

  private constructor(
    world: BatchWorldInside,
    batch: Batch,
    shape: BatchShape,
    submissions: readonly Submission[],
    segments: readonly { readonly segment: number; readonly blob: string }[],
    lanes: readonly Lane[],
  ) {
    this.#world = world;
    this.#batch = batch;
    this.#shape = shape;
    this.#submissions = new Map(submissions.map((one) => [one.id, one]));
    this.#blobs = new Map(segments.map(({ segment, blob }) => [segment, blob]));
    this.#lanes = lanes;
    this.#segments = new Segments(world, batch.no);
  }

  static async open(world: BatchWorldInside, batch: Batch, shape: BatchShape): Promise<Results> {
    const { items, submissions } = world.rows;
    return new Results(
      world,
      batch,
      shape,
      await submissions.ofBatch(batch.no),
      await items.segments(batch.no),
      await items.lanes(batch.no),
    );
  }

  /** Those of the output; those of the error file go there on the way. */
  async *lines(errors: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let text = '';
    for (let after = 0; ; ) {
      const items = await this.#world.rows.items.page(this.#batch.no, after, pageItems);
      const last = items.at(-1);
      if (last === undefined || signal.aborted) break;
      after = last.seq;
      const answers: StoredAnswer[] = [];
      let failed = '';
      const originals = await this.#originals(items);
      for (const item of items) {
        const asked = originals.get(item.twinOf ?? 0) ?? item;
        const written = this.#shape.writeResult(await this.#final(item, asked));
        if (written.output === 'error') {
          failed += `${written.line}\n`;
          continue;
        }
        text += `${written.line}\n`;
        answers.push(...this.#reusable(item));
        if (text.length >= partBytes) {
          yield Buffer.from(text, 'utf8');
          text = '';
        }
      }
      if (failed !== '') await appendFile(errors, failed);
      if (answers.length > 0) await this.#world.rows.answers.add(answers);
    }
    if (text.length > 0) yield Buffer.from(text, 'utf8');
  }

  /** Those that were asked in the place of twins. */
  async #originals(items: readonly Item[]): Promise<ReadonlyMap<number, Item>> {
    const wanted = new Set(items.flatMap(({ twinOf }) => twinOf ?? []));
    if (wanted.size === 0) return new Map();
    const seqs = [...wanted].sort((a, b) => a - b);
    const found = await this.#world.rows.items.get(this.#batch.no, seqs);
    return new Map(found.map((item) => [item.seq, item]));
  }

  /** `asked`: the item itself, or whose twin it is. */
  async #final(item: Item, asked: Item): Promise<FinalItem> {
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
  #reusable(item: Item): StoredAnswer[] {
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
