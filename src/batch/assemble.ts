/**
 * Reads the lines of a batch: validates each, finds its twins, answers what a rule answers, decides its way, and says what all of it will cost. Nothing
 * is sent before the whole is known to fit its budgets.
 *
 * Lines are worked off by the thousand, each thousand stored in one transaction together with how far it has come; after a crash it goes on
 * there. Memory holds one such chunk and two tables of fingerprints, however long the input is.
 */
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { costOf } from '../core/price.ts';
import type { Policy, Route, Target } from '../router/contract.ts';
import type { JsonLine } from '../wire/jsonl.ts';
import { splitLines } from '../wire/jsonl.ts';
import { checkBudgets } from './budget-gate.ts';
import type { Batch, BatchProblem, BatchShape, Item, Lane, Line } from './contract.ts';
import { outputBuffer } from './encode.ts';
import { createHasher, type Hasher } from './hash.ts';
import { errorOf } from './item-error.ts';
import { findRoute, Lanes } from './lanes.ts';
import { readThrough } from './local-blob.ts';
import { answerByRule, type RuleAnswer, reuseAnswers, writeRuleAnswers } from './shortcuts.ts';
import { Twins } from './twins.ts';
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

type Draft = { -readonly [Key in keyof Item]: Item[Key] };

class Assembler {
  readonly #world: BatchWorldInside;
  readonly #batch: Batch;
  readonly #shape: BatchShape;
  readonly #policy: Policy;
  readonly #payer: Payer | undefined;
  readonly #lanes: Lanes;
  #twins: Twins;
  /** Lines that the tables were made for. */
  #roomFor: number;
  readonly #hasher: Hasher = createHasher();
  #lastLine: number;
  #estimateNanoUsd: number;
  #firstOfChunk: number;
  #chunk: Draft[] = [];
  #ruled: RuleAnswer[] = [];
  #chunkEstimate = 0;
  #chunkEnd = 0;
  #problems: BatchProblem[] = [];
  #told: number;

  private constructor(
    world: BatchWorldInside,
    batch: Batch,
    shape: BatchShape,
    payer: Payer | undefined,
    lanes: Lanes,
    twins: Twins,
  ) {
    this.#world = world;
    this.#batch = batch;
    this.#shape = shape;
    this.#policy = world.policy();
    this.#payer = payer;
    this.#lanes = lanes;
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
    const lanes = new Lanes(batch.no, await world.rows.items.lanes(batch.no));
    const twins = await tablesOf(world, batch, batch.assembledLines + firstTables);
    return new Assembler(world, batch, shape, payer, lanes, twins);
  }

  /** True where the chunk is full. */
  read(line: JsonLine): boolean {
    this.#lastLine = line.number;
    this.#chunkEnd = line.at + line.bytes;
    this.#chunk.push(this.#draft(line));
    return this.#chunk.length >= chunkLines;
  }

  #draft(raw: JsonLine): Draft {
    const item: Draft = {
      batchNo: this.#batch.no,
      seq: raw.number,
      customId: '',
      at: raw.at,
      bytes: raw.bytes,
      hash: '',
      lane: 0,
      step: 0,
      state: 'waiting',
      strikes: 0,
      formStrikes: 0,
      attempts: 0,
      dueAtMs: 0,
      inputTokens: 0,
    };
    try {
      if (raw.text === undefined)
        throw new GatewayError(
          'invalid_request',
          `The line has ${raw.bytes} bytes, more than a line may have.`,
        );
      const line = this.#shape.readLine(raw.text, this.#batch);
      item.customId = line.customId;
      this.#decide(item, line);
    } catch (thrown) {
      this.#reject(item, asGatewayError(thrown));
    }
    return item;
  }

  #decide(item: Draft, line: Line): void {
    const { facts } = line;
    const route = findRoute(this.#policy, facts.model);
    if (this.#payer !== undefined && !this.#payer.mayUse(route.name, facts.model))
      throw new GatewayError('forbidden', `The key may not use "${facts.model.slice(0, 200)}".`, {
        param: 'model',
      });
    const call = this.#shape.call(line, {
      id: `${this.#batch.id}:${item.seq}`,
      batch: this.#batch,
      nowMs: this.#world.clock.now(),
    });
    const ruled = answerByRule(this.#world, call);
    const lane = this.#lanes.of(call, route, this.#policy);
    const target = this.#policy.target(lane.chain[0] ?? '');
    item.lane = lane.lane;
    item.hash = this.#hasher(hashModel(lane, target, line), line.body);
    item.inputTokens = Math.ceil(
      this.#world.estimates.estimateInput(target?.model.id ?? facts.model, facts.inputTokens),
    );
    if (target?.mode !== 'batch') item.state = 'alone';
    if (ruled !== undefined) this.#ruled.push({ item, body: ruled });
    else if (target !== undefined) this.#chunkEstimate += this.#estimate(item, route, target, line);
  }

  #estimate(item: Item, route: Route, target: Target, { facts }: Line): number {
    if (target.price === undefined) return 0;
    const most = (facts.maxOutputTokens ?? target.model.maxOutputTokens ?? 32_000) * (facts.choices ?? 1);
    const output =
      facts.operation === 'chat'
        ? this.#world.estimates.expectedOutput(`${route.name}|${target.name}`, most) * outputBuffer
        : 0;
    return costOf(target.price, {
      inputTokens: item.inputTokens,
      outputTokens: Math.min(most, Math.ceil(output)),
    });
  }

  #reject(item: Draft, error: GatewayError): void {
    item.state = 'rejected';
    item.error = errorOf(error);
    if (this.#told >= mostProblems) return;
    this.#told += 1;
    this.#problems.push({
      line: item.seq,
      code: error.code,
      message: error.message,
      ...(error.param === undefined ? {} : { param: error.param }),
    });
  }

  async store(): Promise<void> {
    const items = this.#chunk;
    if (items.length === 0) return;
    const world = this.#world;
    await this.#findTwins(items);
    await writeRuleAnswers(world, this.#batch, this.#ruled);
    const reused = await reuseAnswers(world, this.#batch, items);
    await world.at('assemble: before the rows of a chunk');
    const added = await world.rows.items.add(this.#batch.no, this.#firstOfChunk, {
      items,
      lanes: this.#lanes.takeFresh(),
      assembledLines: this.#lastLine,
      assembledBytes: this.#chunkEnd,
      problems: this.#problems,
      estimateNanoUsd: Math.round(this.#chunkEstimate),
      reused,
      prefiltered: this.#ruled.length,
    });
    await world.at('assemble: after the rows of a chunk');
    if (!added) throw new Conflict(this.#batch.id);
    this.#estimateNanoUsd += Math.round(this.#chunkEstimate);
    await this.#addTwins(items);
    this.#firstOfChunk = this.#lastLine + 1;
    this.#chunk = [];
    this.#ruled = [];
    this.#problems = [];
    this.#chunkEstimate = 0;
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
    const byCustomId = new Map<string, Item>();
    const byHash = new Map<string, Item>();
    items.forEach((item, index) => {
      const alike = (candidates[index] ?? []).flatMap((seq) => earlier.get(seq) ?? []);
      if (item.customId !== '') {
        const named =
          byCustomId.get(item.customId) ?? alike.find(({ customId }) => customId === item.customId);
        if (named !== undefined && item.state !== 'rejected')
          this.#reject(
            item,
            new GatewayError(
              'invalid_request',
              `The custom_id is the same as in line ${named.seq}; each must be unique in a batch.`,
              { param: 'custom_id' },
            ),
          );
        if (named === undefined) byCustomId.set(item.customId, item);
      }
      if (item.state === 'rejected') item.hash = '';
      if (item.hash === '') return;
      const original = byHash.get(item.hash) ?? alike.find(({ hash }) => hash === item.hash);
      if (original === undefined) byHash.set(item.hash, item);
      else if (item.state !== 'done') {
        item.state = 'twin';
        item.twinOf = original.twinOf ?? original.seq;
      }
    });
  }

  async close(): Promise<Assembled> {
    const { rows } = this.#world;
    if (this.#lastLine === 0) {
      await fail(this.#world, this.#batch, { code: 'empty_file', message: 'The input has no lines.' });
      return 'failed';
    }
    const refused = await checkBudgets(this.#world, this.#batch, this.#estimateNanoUsd);
    if (refused !== undefined) return this.refuse(refused);
    await rows.batches.move(this.#batch.no, ['assembling'], 'running', {
      runningAtMs: this.#world.clock.now(),
    });
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

/** Operations share models, and headers of a protocol may change what it answers. */
function hashModel({ operation, model }: Lane, target: Target | undefined, { headers }: Line): string {
  const name = `${operation} ${target?.model.id ?? model}`;
  return headers === undefined ? name : `${name} ${JSON.stringify(headers)}`;
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
  await world.rows.batches.move(batch.no, ['assembling'], 'failed', {
    problems: [problem, ...batch.problems].slice(0, mostProblems),
    endedAtMs: world.clock.now(),
  });
}
