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
import { announcementOf } from './announce.ts';
import { checkBudgets } from './budget-gate.ts';
import type { Batch, BatchProblem, Item } from './contract.ts';
import type { Draft } from './draft.ts';
import { errorOf } from './item-error.ts';
import { readThrough } from './local-blob.ts';
import { ItemReader, type ReadItem } from './read-item.ts';
import { reuseAnswers, writeRuleAnswers } from './shortcuts.ts';
import { markTwins, Twins } from './twins.ts';
import type { BatchWorldInside, Payer } from './world.ts';

/** Lines of one transaction: long enough that its cost is spread, short enough that nothing waits for it. */
const chunkLines = 2_000;
/** A batch of more is refused: the tables that find twins are made for no more. */
export const mostItems = 5_000_000;
/** What the tables are made for at first; they grow fourfold, filled again from the store, three times at most. */
const firstTables = 80_000;
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
  for await (const lines of splitLines(readThrough(world, batch.inputBlob))) {
    for (const line of lines) {
      if (line.number <= batch.assembledLines) continue;
      if (line.number > mostItems) return assembler.refuse(tooMany);
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
  #twins: Twins;
  /** Lines that the tables were made for. */
  #roomFor: number;
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
    this.#roomFor = batch.assembledLines + firstTables;
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
    const twins = await tablesOf(world, batch, batch.assembledLines + firstTables);
    const lanes = await world.rows.items.lanes(batch.no);
    const reader = new ItemReader({ world, batch, shape, payer, lanes });
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
    await this.#addTwins(items);
    this.#firstOfChunk = this.#lastLine + 1;
    this.#chunk = [];
    this.#problems = [];
  }

  async #addTwins(items: readonly Item[]): Promise<void> {
    if (this.#lastLine <= this.#roomFor) {
      for (const item of items) this.#twins.add(item);
      return;
    }
    // They are in the store by now, and so in the larger tables.
    this.#roomFor = Math.min(mostItems, this.#lastLine * 4);
    this.#twins = await tablesOf(this.#world, this.#batch, this.#roomFor);
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
    if (refused !== undefined) return this.refuse(refused);
    const models = new Set((await rows.items.lanes(this.#batch.no)).map(({ model }) => model));
    const [model] = models;
    await this.#world.at('assemble: before the outcome');
    await rows.batches.move(this.#batch.no, ['assembling'], 'running', {
      runningAtMs: this.#world.clock.now(),
      ...(model === undefined || models.size > 1 ? {} : { model }),
    });
    await this.#world.at('assemble: after the outcome');
    return 'assembled';
  }

  /** Nothing of it is sent. */
  async refuse(error: GatewayError): Promise<'failed'> {
    await this.#world.rows.items.settleAll(
      this.#batch.no,
      { states: ['waiting', 'alone', 'twin'] },
      { state: 'rejected', attempted: false, error: errorOf(error) },
    );
    await fail(this.#world, this.#batch, { code: error.code, message: error.message });
    return 'failed';
  }
}

const tooMany = new GatewayError(
  'request_too_large',
  `A batch may have at most ${mostItems} lines; submit several.`,
);

/** Only what is left to be sent: twins, and what is answered already, cost nothing. */
function estimateOf(chunk: readonly ReadItem[]): number {
  return chunk.reduce(
    (sum, { item, estimateNanoUsd }) =>
      item.state === 'waiting' || item.state === 'alone' ? sum + estimateNanoUsd : sum,
    0,
  );
}

/** Tables for so many lines, filled with those that the store has. */
async function tablesOf(world: BatchWorldInside, batch: Batch, lines: number): Promise<Twins> {
  const twins = new Twins(lines);
  for (let after = 0; ; ) {
    const names = await world.rows.items.names(batch.no, after, 10_000);
    for (const name of names) twins.add(name);
    const last = names.at(-1);
    if (last === undefined) return twins;
    after = last.seq;
  }
}

/** Somebody else has assembled the same lines; what they wrote stands. */
export class Conflict extends Error {
  constructor(id: string) {
    super(`Lines of ${id} were stored by another.`);
  }
}

async function fail(world: BatchWorldInside, batch: Batch, problem: BatchProblem): Promise<void> {
  const patch = {
    problems: [problem, ...batch.problems].slice(0, mostProblems),
    endedAtMs: world.clock.now(),
  };
  const counts = await world.rows.items.counts(batch.no);
  const announcement = await announcementOf(world, { ...batch, ...patch, state: 'failed', counts });
  await world.rows.batches.move(batch.no, ['assembling'], 'failed', patch, announcement);
}
