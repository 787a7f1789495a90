/**
 * Takes in what a provider has of an ended submission: answers, errors, and silence about the rest. Answers are durable before their items name
 * them, and each item is settled once: after a crash all of it is read again, and what was settled stays as it is.
 *
 * Memory holds one handful of results and one segment.
 */
import { asGatewayError, type GatewayError } from '../core/errors.ts';
import { present } from '../core/present.ts';
import type { BatchEndpoint, BatchResult } from '../providers/contract.ts';
import type { DoneItem, Settled, SettledSums } from '../stores/batch/contract.ts';
import { isRelayed, ownCallOf, type ReadAnswer, type Reading, readAnswer, readRelayed } from './answer.ts';
import { addSums, ledgerEntry, noSums, type SubmissionSums } from './books.ts';
import { settledAnswer } from './cascade/settled-answer.ts';
import { spare } from './cascade/spared.ts';
import { Waves } from './cascade/waves.ts';
import type { Batch, Item, ItemError, ItemResult, Lane } from './contract.ts';
import { mostWaitMs } from './deadline.ts';
import { destinationOf } from './destination.ts';
import { discard } from './discard.ts';
import { isGone } from './gone.ts';
import { errorOf } from './item-error.ts';
import { type Failure, judge, type Ways } from './judge.ts';
import { openLocal } from './local-blob.ts';
import { failureOfMissing, goneError } from './missing.ts';
import { freeRoom } from './room-freed.ts';
import { type Place, SegmentWriter } from './segment.ts';
import { Segments } from './segments.ts';
import type { Held } from './steps.ts';
import { jobOf } from './submit.ts';
import { waysOf } from './ways.ts';
import type { BatchWorldInside } from './world.ts';

/** Results that cannot be had now are asked for again after this, for as long as providers keep them. */
const againMs = 60_000;
const firstAgainMs = 2_000;
/** Items settled in one transaction. */
const mostSettled = 2_000;
/** And before they are written, at most. */
const mostTaken = 8_000;

export async function collect(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  lane: Lane,
  lanes: readonly Lane[],
): Promise<number | undefined> {
  const { submission } = held;
  const destination = destinationOf(world, submission);
  const shape = world.shapes.get(batch.shape);
  if (destination === undefined || shape === undefined) {
    world.log.error(
      { submission: submission.id },
      'results wait at a provider that is not configured any more',
    );
    return world.clock.now() + againMs * 10;
  }
  const { target, endpoint } = destination;
  const input = await openLocal(world, batch.inputBlob);
  const segments = new Segments(world, batch.no);
  const waves = new Waves(world, batch, lane, lanes, segments);
  const nowMs = world.clock.now();
  const reading: Reading = {
    batch,
    lane,
    shape,
    target,
    input,
    nowMs,
    ...present({ cascade: waves.cascade }),
  };
  const collector = new Collector(world, held, reading, waysOf(world, lane, submission.step), waves);
  try {
    if (submission.how !== 'refused') await collector.take(endpoint);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    if (error.code === 'internal') throw thrown;
    world.log.warn({ submission: submission.id, code: error.code }, 'results cannot be read now');
    // What is not there any more never comes: nothing is said of its items.
    if (!(await isGone(held, error))) return await later(world, held, batch, error);
  } finally {
    await input.close();
    await segments.close();
  }
  await collector.close(endpoint);
  return undefined;
}

/** Soon at first: a throttled call says little of the next. */
async function later(
  world: BatchWorldInside,
  held: Held,
  batch: Batch,
  { retryAfterMs }: GatewayError,
): Promise<number> {
  const { tries } = held.submission;
  await held.patch({ tries: tries + 1 });
  const grownMs = Math.min(againMs, firstAgainMs * 2 ** Math.min(tries, 10));
  return world.clock.now() + Math.min(Math.max(grownMs, retryAfterMs ?? 0), mostWaitMs(batch));
}

interface Taken {
  readonly settled: Settled;
  readonly sums?: SettledSums;
  /** Where its answer is in the segment that is being written. */
  readonly place?: Place;
  readonly costs?: Pick<ItemResult, 'costNanoUsd' | 'listNanoUsd'>;
}

type Keyed = Exclude<BatchResult, { kind: 'unreadable' }>;

class Collector {
  readonly #world: BatchWorldInside;
  readonly #held: Held;
  readonly #reading: Reading;
  readonly #ways: Ways;
  readonly #waves: Waves;
  readonly #segment: SegmentWriter;
  /** Items that are done and need nothing of their rows to say so. */
  #plain: DoneItem[] = [];
  /** A bit for each line of the batch: what was told twice, however far apart, counts once. */
  readonly #told: Uint8Array;
  #taken: Taken[] = [];
  #sums: SubmissionSums = noSums;
  #done = 0;
  #failed = 0;
  #unreadable = 0;

  constructor(world: BatchWorldInside, held: Held, reading: Reading, ways: Ways, waves: Waves) {
    this.#world = world;
    this.#held = held;
    this.#reading = reading;
    this.#ways = ways;
    this.#waves = waves;
    this.#told = new Uint8Array((reading.batch.assembledLines >> 3) + 1);
    this.#segment = new SegmentWriter(world, held.submission.batchNo, held.submission.id);
  }

  /** True once for each line of the batch. */
  #isFirst(seq: number): boolean {
    const bit = 1 << (seq & 7);
    const byte = this.#told[seq >> 3] ?? 0xff;
    if ((byte & bit) !== 0) return false;
    this.#told[seq >> 3] = byte | bit;
    return true;
  }

  async take(endpoint: BatchEndpoint): Promise<void> {
    const { submission } = this.#held;
    for await (const handful of endpoint.results(submission.handle ?? '', jobOf(submission))) {
      for (let from = 0; from < handful.length; from += mostSettled)
        await this.#takeHandful(handful.slice(from, from + mostSettled));
      if (this.#segment.full || this.#taken.length + this.#plain.length >= mostTaken) await this.#flush();
    }
    await this.#flush();
  }

  async #takeHandful(handful: readonly BatchResult[]): Promise<void> {
    const plain = isRelayed(this.#reading) && !this.#waves.looks;
    const rest: Keyed[] = [];
    for (const result of handful) {
      if (result.kind === 'unreadable') {
        this.#unreadable += 1;
        continue;
      }
      // A second result for one item is of no account.
      if (!this.#isFirst(result.key)) continue;
      if (!plain || result.kind !== 'answered' || !this.#takePlain(result.key, result.body))
        rest.push(result);
    }
    if (rest.length > 0) await this.#takeByRow(rest);
  }

  /** An answer that goes to its caller as it is: the store itself sees that the item is one of the submission. */
  #takePlain(seq: number, body: unknown): boolean {
    let answer: ReadAnswer;
    try {
      answer = readRelayed(this.#reading, body);
    } catch {
      // Read once more beside its row, which says how often it has failed.
      return false;
    }
    this.#sums = addSums(this.#sums, answer);
    this.#learn(answer);
    this.#done += 1;
    const { costNanoUsd, listNanoUsd, usage } = answer;
    this.#plain.push({
      seq,
      ...this.#segment.add(answer.body),
      costNanoUsd,
      listNanoUsd,
      inputTokens: usage?.inputTokens ?? 0,
      cacheReadTokens: usage?.cacheReadTokens ?? 0,
      outputTokens: usage?.outputTokens ?? 0,
      reasoningTokens: usage?.reasoningTokens ?? 0,
    });
    return true;
  }

  async #takeByRow(results: readonly Keyed[]): Promise<void> {
    const { batchNo, id } = this.#held.submission;
    const stored = await this.#world.rows.items.get(
      batchNo,
      results.map(({ key }) => key),
    );
    const items = new Map(stored.map((item) => [item.seq, item]));
    for (const result of results) {
      const item = items.get(result.key);
      if (item === undefined) continue;
      // A key that nobody gave is of no account; one whose item has gone on was paid all the same.
      if (item.submission === id) await this.#takeOne(item, result);
      else if (result.kind === 'answered') this.#countAnswer(item, result.body);
    }
  }

  /** Settled before a crash, and gone on since: its answer was of the wrong form. It was paid all the same. */
  #countAnswer(item: Item, body: unknown): void {
    try {
      this.#sums = addSums(this.#sums, readAnswer(this.#reading, item, body));
    } catch (thrown) {
      if (asGatewayError(thrown).code === 'internal') throw thrown;
    }
  }

  async #takeOne(item: Item, result: Keyed): Promise<void> {
    if (result.kind === 'answered') await this.#takeAnswer(item, result.body);
    else if (result.kind === 'failed') {
      const { error } = result;
      this.#fail(item, { kind: 'error', error: errorOf(error), retry: error.retry });
    } else this.#fail(item, { kind: result.kind, error: goneError(result.kind) });
  }

  async #takeAnswer(item: Item, body: unknown): Promise<void> {
    let answer: ReadAnswer;
    try {
      answer = readAnswer(this.#reading, item, body);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      this.#fail(item, { kind: 'error', error: errorOf(error), retry: error.retry });
      return;
    }
    this.#sums = addSums(this.#sums, answer);
    this.#learn(answer);
    const sums: SettledSums = {
      costNanoUsd: answer.costNanoUsd,
      listNanoUsd: answer.listNanoUsd,
      inputTokens: answer.usage?.inputTokens ?? 0,
      cacheReadTokens: answer.usage?.cacheReadTokens ?? 0,
      outputTokens: answer.usage?.outputTokens ?? 0,
      reasoningTokens: answer.usage?.reasoningTokens ?? 0,
      repaired: answer.repaired ? 1 : 0,
    };
    const wrongForm: ItemError | undefined =
      answer.wrongForm === undefined
        ? undefined
        : { code: 'upstream_malformed', status: 502, message: answer.wrongForm };
    if (wrongForm !== undefined && !this.#waves.takesAnyForm) {
      this.#fail(item, { kind: 'form', error: wrongForm }, sums);
      return;
    }
    this.#done += 1;
    // Settled before a crash; it only counts for the books.
    if (item.state !== 'submitted') return;
    this.#taken.push({ ...(await this.#course(item, answer)), sums });
  }

  async #course(item: Item, read: ReadAnswer): Promise<Omit<Taken, 'sums'>> {
    const { target, nowMs } = this.#reading;
    const { answer } = read;
    const own = { costNanoUsd: read.costNanoUsd, listNanoUsd: read.listNanoUsd };
    const chat = 'choices' in answer ? answer : undefined;
    const formOk = read.wrongForm === undefined;
    const course =
      chat === undefined
        ? { kind: 'final' as const }
        : await this.#waves.take(item, {
            target: target.name,
            answer: chat,
            formOk,
            costNanoUsd: own.costNanoUsd,
            call: () => ownCallOf(this.#reading, item),
          });
    const { settled, costs, neutral } = settledAnswer(item, course, chat, own, nowMs);
    if (costs === undefined) return { settled };
    const place = this.#segment.add(read.body);
    if (neutral !== undefined) this.#segment.add(neutral);
    return { settled, place, costs };
  }

  /** How long answers are, for what comes next. How far off the count of input was is for the ledger: it knows no single line's. */
  #learn({ usage }: ReadAnswer): void {
    if (usage === undefined) return;
    const { lane, target } = this.#reading;
    this.#world.estimates.learn({
      model: target.model.id,
      key: `${lane.route}|${target.name}`,
      rough: 0,
      actualOutput: usage.outputTokens,
    });
  }

  #fail(item: Item, failure: Failure, sums?: SettledSums): void {
    this.#failed += 1;
    const { target, id } = this.#held.submission;
    const verdict = judge(item, failure, this.#ways);
    this.#taken.push({
      settled: {
        seq: item.seq,
        ...spare(verdict, item, this.#reading.lane, this.#waves.lanes, this.#ways.nowMs),
        attempted: failure.kind !== 'cancelled',
        failed: { target, submission: id, atMs: this.#world.clock.now(), error: failure.error },
      },
      ...(sums === undefined ? {} : { sums }),
    });
  }

  /** The segment first, then the items that name it. */
  async #flush(): Promise<void> {
    const taken = this.#taken;
    const plain = this.#plain;
    if (taken.length === 0 && plain.length === 0) return;
    this.#taken = [];
    this.#plain = [];
    const segment = await this.#segment.close();
    const { batchNo, id } = this.#held.submission;
    const settled = taken.map(({ settled: one, sums, place, costs }) => {
      const counted = sums === undefined ? one : { ...one, sums };
      if (place === undefined || costs === undefined || segment === undefined) return counted;
      return { ...counted, result: { segment, ...place, ...costs } };
    });
    await this.#waves.writeLabels();
    await this.#world.at('collect: before the items');
    const { items } = this.#world.rows;
    for (let from = 0; from < plain.length && segment !== undefined; from += mostSettled)
      await items.settleDone(batchNo, id, segment, plain.slice(from, from + mostSettled));
    for (let from = 0; from < settled.length; from += mostSettled)
      await items.settle(batchNo, { submission: id }, settled.slice(from, from + mostSettled));
    await this.#world.at('collect: after the items');
  }

  /** What nothing was said of, and the books. */
  async close(endpoint: BatchEndpoint): Promise<void> {
    const world = this.#world;
    const { submission } = this.#held;
    await this.#settleMissing();
    await world.at('collect: before the books');
    // What a line that cannot be read has cost, its provider alone knows.
    const sums = { ...this.#sums, exact: this.#sums.exact && this.#unreadable === 0 };
    await freeRoom(world, submission.id, sums.costNanoUsd);
    // All this before the submission is done with: after a crash nothing would look at it again.
    await world.ledger.append([ledgerEntry(this.#reading, submission, sums, world.clock.now())]);
    await world.rows.batches.wake(submission.batchNo, world.clock.now());
    await world.at('collect: after the books');
    await this.#held.move('collected');
    await world.at('collect: after the outcome');
    this.#tell();
    await discard(world, submission, endpoint);
  }

  async #settleMissing(): Promise<void> {
    const world = this.#world;
    const { submission } = this.#held;
    const failure = failureOfMissing(submission);
    for (;;) {
      const items = await world.rows.items.page(submission.batchNo, 0, mostSettled, {
        submission: submission.id,
        states: ['submitted'],
      });
      if (items.length === 0) return;
      for (const item of items) this.#fail(item, failure);
      await this.#flush();
    }
  }

  #tell(): void {
    const world = this.#world;
    const { submission } = this.#held;
    const all = this.#done + this.#failed;
    world.events.submissionEnded(submission, { done: this.#done, failed: this.#failed });
    if (all > 0 && this.#failed / all > world.settings().failureShare)
      world.events.failureRate(submission, this.#failed / all);
    world.log.info(
      {
        submission: submission.id,
        target: submission.target,
        done: this.#done,
        failed: this.#failed,
        unreadable: this.#unreadable,
        costUsd: this.#sums.costNanoUsd / 1e9,
      },
      'submission collected',
    );
  }
}
