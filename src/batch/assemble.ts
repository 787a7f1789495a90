/**
 * Reads the lines of a batch: validates each, finds its twins, answers what a rule answers, decides its way, and says what all of it will cost. Nothing
 * is sent before the whole is known to fit its budgets.
 *
 * Lines are worked off by the thousand, each thousand stored in one transaction together with how far it has come; after a crash it goes on
 * there. Memory holds one such chunk and two tables of fingerprints, however long the input is.
 */
import { asGatewayError, GatewayError } from '../core/errors.ts';
import type { JsonLine } from '../wire/jsonl.ts';
import { splitLines } from '../wire/jsonl.ts';
import { checkBudgets } from './budget-gate.ts';
import type { Batch, BatchProblem, Item } from './contract.ts';
import { errorOf } from './item-error.ts';
import { type Draft, ItemReader, type ReadItem } from './read-item.ts';
import { reuseAnswers, writeRuleAnswers } from './shortcuts.ts';
import { markTwins, Twins } from './twins.ts';
import type { BatchWorldInside, Payer } from './world.ts';

/** Lines of one transaction: long enough that its cost is spread, short enough that nothing waits for it. */
const chunkLines = 4_000;
/** A batch of more is refused: the tables that find twins are made for so many. */
export const mostItems = 2_000_000;
/** Told of in the batch itself; the error file has all. */
const mostProblems = 100;

export type Assembled = 'assembled' | 'failed';

export async function assemble(
  world: BatchWorldInside,
  batch: Batch,
  signal: AbortSignal,
): Promise<Assembled> {
  const assembler = await Assembler.open(world, batch);
  if (typeof assembler === 'string') return 'failed';
  for await (const lines of splitLines(world.blobs.read(batch.inputBlob))) {
    for (const line of lines) {
      if (line.number <= batch.assembledLines) continue;
      if (assembler.read(line)) await assembler.store();
      if (signal.aborted) return 'failed';
    }
  }
  await assembler.store();
  return assembler.close();
}

class Assembler {
  readonly #world: BatchWorldInside;
  readonly #batch: Batch;
  readonly #reader: ItemReader;
  readonly #twins: Twins;
  #lastLine: number;
  #estimateNanoUsd: number;
  #firstOfChunk: number;
  #chunk: ReadItem[] = [];
  #chunkEnd = 0;
  #problems: BatchProblem[] = [];
  #told: number;

  private constructor(world: BatchWorldInside, batch: Batch, reader: ItemReader, twins: Twins) {
    this.#world = world;
    this.#batch = batch;
    this.#reader = reader;
    this.#twins = twins;
    this.#lastLine = batch.assembledLines;
    this.#firstOfChunk = batch.assembledLines + 1;
    this.#estimateNanoUsd = batch.estimateNanoUsd;
    this.#told = batch.problems.length;
  }

  static async open(world: BatchWorldInside, batch: Batch): Promise<Assembler | 'failed'> {
    const shape = world.shapes.get(batch.shape);
    if (shape === undefined) throw new GatewayError('internal', `There is no shape "${batch.shape}".`);
    let payer: Payer | undefined;
    try {
      payer = world.payer(batch.owner);
    } catch (thrown) {
      await fail(world, batch, { code: 'forbidden', message: asGatewayError(thrown).message });
      return 'failed';
    }
    const { items } = world.rows;
    const twins = new Twins(Math.min(mostItems, Math.max(1_000, Math.ceil(batch.inputBytes / 32))));
    for (let after = 0; after < batch.assembledLines; ) {
      const names = await items.names(batch.no, after, 10_000);
      for (const name of names) twins.add(name);
      const last = names.at(-1);
      if (last === undefined) break;
      after = last.seq;
    }
    const reader = new ItemReader({ world, batch, shape, payer, lanes: await items.lanes(batch.no) });
    return new Assembler(world, batch, reader, twins);
  }

  /** True where the chunk is full. */
  read(line: JsonLine): boolean {
    this.#lastLine = line.number;
    this.#chunkEnd = line.at + line.bytes;
    this.#chunk.push(this.#reader.read(line, (item, error) => this.#tell(item, error)));
    return this.#chunk.length >= chunkLines;
  }

  #tell({ seq }: Draft, error: GatewayError): void {
    if (this.#told >= mostProblems) return;
    this.#told += 1;
    this.#problems.push({
      line: seq,
      code: error.code,
      message: error.message,
      ...(error.param === undefined ? {} : { param: error.param }),
    });
  }

  async store(): Promise<void> {
    const chunk = this.#chunk;
    if (chunk.length === 0) return;
    const world = this.#world;
    const items = chunk.map(({ item }) => item);
    await this.#findTwins(items);
    const ruled = chunk.flatMap(({ item, ruled: body }) => (body === undefined ? [] : [{ item, body }]));
    const prefiltered = await writeRuleAnswers(world, this.#batch, ruled);
    const reused = await reuseAnswers(world, this.#batch, items);
    const estimate = Math.round(estimateOf(chunk));
    await world.at('assemble: before the rows of a chunk');
    const added = await world.rows.items.add(this.#batch.no, this.#firstOfChunk, {
      items,
      lanes: this.#reader.lanes.takeFresh(),
      assembledLines: this.#lastLine,
      assembledBytes: this.#chunkEnd,
      problems: this.#problems,
      estimateNanoUsd: estimate,
      reused,
      prefiltered,
    });
    await world.at('assemble: after the rows of a chunk');
    if (!added) throw new Conflict(this.#batch.id);
    this.#estimateNanoUsd += estimate;
    for (const item of items) this.#twins.add(item);
    this.#firstOfChunk = this.#lastLine + 1;
    this.#chunk = [];
    this.#problems = [];
  }

  /** Twins of earlier chunks are verified against the store, those of this one against each other. */
  async #findTwins(items: readonly Draft[]): Promise<void> {
    const wanted = new Set<number>();
    const candidates = items.map((item) => {
      const alike = [...this.#twins.sameCustomId(item.customId), ...this.#twins.sameHash(item.hash)];
      for (const seq of alike) wanted.add(seq);
      return alike;
    });
    const stored = await this.#world.rows.items.get(
      this.#batch.no,
      [...wanted].sort((a, b) => a - b),
    );
    const earlier = new Map<number, Item>(stored.map((item) => [item.seq, item]));
    markTwins(
      items,
      (index) => (candidates[index] ?? []).flatMap((seq) => earlier.get(seq) ?? []),
      (item, error) => this.#tell(item, error),
    );
  }

  async close(): Promise<Assembled> {
    const { rows } = this.#world;
    if (this.#lastLine === 0) {
      await fail(this.#world, this.#batch, { code: 'empty_file', message: 'The input has no lines.' });
      return 'failed';
    }
    const refused = await checkBudgets(this.#world, this.#batch, this.#estimateNanoUsd);
    if (refused !== undefined) {
      await rows.items.settleAll(
        this.#batch.no,
        { states: ['waiting', 'alone', 'twin'] },
        { state: 'rejected', attempted: false, error: errorOf(refused) },
      );
      await fail(this.#world, this.#batch, { code: refused.code, message: refused.message });
      return 'failed';
    }
    const models = new Set((await rows.items.lanes(this.#batch.no)).map(({ model }) => model));
    const [model] = models;
    await rows.batches.move(this.#batch.no, ['assembling'], 'running', {
      runningAtMs: this.#world.clock.now(),
      ...(model === undefined || models.size > 1 ? {} : { model }),
    });
    return 'assembled';
  }
}

/** Only what is left to be sent: twins, and what is answered already, cost nothing. */
function estimateOf(chunk: readonly ReadItem[]): number {
  return chunk.reduce(
    (sum, { item, estimateNanoUsd }) =>
      item.state === 'waiting' || item.state === 'alone' ? sum + estimateNanoUsd : sum,
    0,
  );
}

/** Somebody else has assembled the same lines; what they wrote stands. */
export class Conflict extends Error {
  constructor(id: string) {
    super(`Lines of ${id} were stored by another.`);
  }
}

async function fail(world: BatchWorldInside, batch: Batch, problem: BatchProblem): Promise<void> {
  await world.rows.batches.move(batch.no, ['assembling'], 'failed', {
    problems: [problem, ...batch.problems].slice(0, mostProblems),
    endedAtMs: world.clock.now(),
  });
}
