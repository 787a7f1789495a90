/**
 * Items that are asked by themselves, by sync calls: the last try after three strikes, what must be done before a deadline, and what no batch API
 * takes. A wave at a time: the ledger says that the calls' cost is unknown, they are made, their answers are durable, the ledger says what they
 * cost. A crash in between leaves entries that say `unknown`, and the items are asked again.
 */
import type { Answer } from '../core/answer.ts';
import { errorKinds, type GatewayError } from '../core/errors.ts';
import { BookedCall, type Sums } from '../router/booked.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Policy } from '../router/contract.ts';
import { findRoute } from '../router/find-route.ts';
import { HandSink } from '../router/hand-sink.ts';
import type { Came as BookedCame } from '../router/kept-answer.ts';
import type { Settled, SettledSums } from '../stores/batch/contract.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import { nextWave, pace } from './alone-next.ts';
import { callIn } from './cascade/asked.ts';
import { type SettledAnswer, settledAnswer } from './cascade/settled-answer.ts';
import { spare } from './cascade/spared.ts';
import { Waves } from './cascade/waves.ts';
import type { Batch, Item, ItemError, ItemResult, Lane } from './contract.ts';
import { errorOf } from './item-error.ts';
import { aloneChain } from './lanes.ts';
import { type LocalBlob, openLocal } from './local-blob.ts';
import { aloneSegment, SegmentWriter } from './segment.ts';
import { Segments } from './segments.ts';
import type { BatchShape, ItemCall } from './shape/contract.ts';
import type { BatchWorldInside } from './world.ts';

/** Failed rounds after which an item is a dead letter, submissions included. */
const mostStrikes = 3;
/** How long waves follow one another before the batch is looked at as a whole: calls take seconds, and so may whoever waits for it. */
const turnMs = 5_000;
/** Our own limits let nobody through: tried again after this. */
const noRoomMs = 5_000;

/** Asks until nothing is due, or others must be let through. Returns when it is to go on; `undefined`: nothing is left to be asked alone. */
export async function askAlone(
  world: BatchWorldInside,
  batch: Batch,
  lanes: readonly Lane[],
  signal: AbortSignal,
): Promise<number | undefined> {
  const shape = world.shapes.get(batch.shape);
  const first = await nextWave(world, batch);
  if (shape === undefined || first.items.length === 0) return first.dueAtMs;
  const untilMs = world.clock.now() + turnMs;
  const input = await openLocal(world, batch.inputBlob);
  const segments = new Segments(world, batch.no);
  try {
    for (let wave = first; wave.items.length > 0; wave = await nextWave(world, batch)) {
      await pace(world, wave.items.length, signal);
      if (signal.aborted) break;
      await new Wave(world, batch, shape, lanes, input, segments).run(wave.items);
      // It may have been cancelled meanwhile, its deadline may have passed, and items may be due to be submitted again.
      const nowMs = world.clock.now();
      const state = (await world.rows.batches.byNo(batch.no))?.state;
      if (state !== 'running' || nowMs >= Math.min(untilMs, batch.deadlineAtMs)) break;
    }
  } finally {
    await input.close();
    await segments.close();
  }
  return (await nextWave(world, batch)).dueAtMs;
}

interface Asking {
  readonly item: Item;
  readonly lane: Lane;
  readonly policy: Policy;
  readonly chain: readonly Target[];
  /** As its caller asks. */
  readonly own: ItemCall;
  readonly call: BookedCall;
}

/** An answer as the caller gets it. */
interface Told {
  readonly target: string;
  readonly body: string;
  /** What it says, where somebody has to look at it. */
  readonly answer?: Answer;
  readonly formOk: boolean;
}

type Came =
  | { readonly kind: 'answer'; readonly told: Told; readonly sums: SettledSums }
  /** Answered, in a form that it must not have, and that counts as none. */
  | { readonly kind: 'form'; readonly target: string; readonly message: string; readonly sums: SettledSums }
  | { readonly kind: 'error'; readonly error: GatewayError; readonly sums: SettledSums };

/** An answer on its way into the store. */
interface Kept extends SettledAnswer {
  readonly target: string;
  readonly body: string;
}

class Wave {
  readonly #world: BatchWorldInside;
  readonly #batch: Batch;
  readonly #shape: BatchShape;
  readonly #lanes: readonly Lane[];
  readonly #input: LocalBlob;
  readonly #segments: Segments;
  readonly #waves = new Map<number, Waves>();
  /** A wave that is asked again after a crash must not overwrite what the ledger says of the first. */
  readonly #id: string;

  constructor(
    world: BatchWorldInside,
    batch: Batch,
    shape: BatchShape,
    lanes: readonly Lane[],
    input: LocalBlob,
    segments: Segments,
  ) {
    this.#world = world;
    this.#batch = batch;
    this.#shape = shape;
    this.#lanes = lanes;
    this.#input = input;
    this.#segments = segments;
    this.#id = world.makeId('').slice(-8);
  }

  async run(items: readonly Item[]): Promise<void> {
    const world = this.#world;
    const askings: Asking[] = [];
    for (const item of items) askings.push(await this.#prepare(item));
    await world.at('alone: before the intent');
    await world.ledger.append(askings.flatMap((asking) => this.#intent(asking)));
    await world.at('alone: after the intent');
    const came = await Promise.all(askings.map((asking) => this.#ask(asking)));
    await world.at('alone: after the calls');
    const kept: (Kept | undefined)[] = [];
    for (const [index, asking] of askings.entries()) kept.push(await this.#keep(asking, came[index]));
    const results = await this.#write(kept);
    const settled = askings.map((asking, index): Settled & { sums: SettledSums } => {
      const one = came[index];
      if (one === undefined) throw new Error('A call of a wave has no outcome.');
      const { sums } = one;
      if (one.kind === 'error') return { ...this.#spare(asking, this.#afterError(asking, one.error)), sums };
      if (one.kind === 'form')
        return { ...this.#spare(asking, this.#afterForm(asking, one.target, one.message)), sums };
      const answered = kept[index]?.settled;
      const result = results[index];
      if (answered === undefined) throw new Error('An answer has no course.');
      return { ...answered, ...(result === undefined ? {} : { result }), sums };
    });
    for (const waves of this.#waves.values()) await waves.writeLabels();
    await world.at('alone: before the items');
    await world.rows.items.settle(this.#batch.no, { alone: true }, settled);
    await world.at('alone: after the items');
    await world.ledger.append(askings.flatMap(({ call }) => call.entries()));
    await world.at('alone: after the books');
  }

  async #keep({ item, lane, own }: Asking, came: Came | undefined): Promise<Kept | undefined> {
    if (came?.kind !== 'answer') return undefined;
    const { target, body, answer, formOk } = came.told;
    const { costNanoUsd, listNanoUsd } = came.sums;
    const course =
      answer === undefined
        ? { kind: 'final' as const }
        : await this.#wavesOf(lane).take(item, { target, answer, formOk, costNanoUsd, call: () => own });
    const costs = { costNanoUsd, listNanoUsd };
    return { ...settledAnswer(item, course, answer, costs, this.#world.clock.now()), target, body };
  }

  #wavesOf(lane: Lane): Waves {
    const known = this.#waves.get(lane.lane);
    if (known !== undefined) return known;
    const waves = new Waves(this.#world, this.#batch, lane, this.#lanes, this.#segments);
    this.#waves.set(lane.lane, waves);
    return waves;
  }

  #spare({ item, lane }: Asking, settled: Settled): Settled {
    if (settled.state !== 'dead') return settled;
    const { error: _none, ...rest } = settled;
    const spared = spare(settled, item, lane, this.#lanes, this.#world.clock.now());
    return { ...rest, ...spared };
  }

  /** Answers by the target that gave them, so that it is known afterwards. */
  async #write(kept: readonly (Kept | undefined)[]): Promise<readonly (ItemResult | undefined)[]> {
    const results: (ItemResult | undefined)[] = kept.map(() => undefined);
    const written = kept.flatMap((one, index) =>
      one?.costs === undefined ? [] : [{ ...one, costs: one.costs, index }],
    );
    for (const [target, answers] of Map.groupBy(written, (one) => one.target)) {
      const segment = new SegmentWriter(this.#world, this.#batch.no, aloneSegment(target));
      const places = answers.map(({ body, neutral }) => {
        const place = segment.add(body);
        if (neutral !== undefined) segment.add(neutral);
        return place;
      });
      const number = await segment.close();
      answers.forEach(({ index, costs }, at) => {
        const place = places[at];
        if (place === undefined || number === undefined) return;
        results[index] = { segment: number, ...place, ...costs };
      });
    }
    return results;
  }

  async #prepare(item: Item): Promise<Asking> {
    const world = this.#world;
    const lane = this.#lanes.find((one) => one.lane === item.lane);
    if (lane === undefined) throw new Error(`Item ${item.seq} of ${this.#batch.id} has no lane.`);
    const policy = world.policy();
    // A copy: all calls of the wave are held while others are read.
    const bytes = Buffer.from(this.#input.read(item.at, item.bytes));
    const line = this.#shape.readLine(bytes, this.#batch);
    const asked = this.#shape.call(line, {
      id: `${this.#batch.id}:${item.seq}`,
      batch: this.#batch,
      nowMs: world.clock.now(),
    });
    const call = await callIn(lane, asked, item, this.#segments, policy.find(lane.model)?.cascade);
    const caller = world.payer(this.#batch.owner)?.caller;
    const chain = aloneChain(lane, policy);
    const steps = chain.map((target) => ({ options: [{ target, weight: 1 }] }));
    // Its lane holds what was decided of a canary, and an item is no canary twice.
    const { canary: _, ...found } = findRoute(policy, lane.model);
    const route = { ...found, rules: [], chain: steps };
    const own = { ...call, id: `${call.id}:${this.#id}` };
    const booked = new BookedCall(
      // Nobody counts these as attempts of requests.
      { ...world, walk: { ...world.walk, observe: () => {} } },
      caller === undefined ? own : { ...own, caller },
      route,
    );
    return { item, lane, policy, chain, own: asked, call: booked };
  }

  #intent({ call, chain }: Asking): LedgerEntry[] {
    const [first] = chain;
    return first === undefined ? [] : [call.intent(first, call.firstId)];
  }

  async #ask({ call, lane, policy }: Asking): Promise<Came> {
    const waves = this.#wavesOf(lane);
    const checked = lane.checked || waves.looks;
    const came = await call.ask({ policy, checked, sink: new HandSink() });
    const sums = settledSums(call.sums());
    switch (came.kind) {
      case 'answer': {
        const repaired = came.repaired ? 1 : 0;
        return { kind: 'answer', told: toldBy(came, true), sums: { ...sums, repaired } };
      }
      case 'form':
        return waves.takesAnyForm
          ? { kind: 'answer', told: toldBy(came, false), sums }
          : { kind: 'form', target: came.served.target.name, message: came.message, sums };
      case 'error':
        return { kind: 'error', error: came.error, sums };
      case 'closed':
        throw new Error('A call that nobody closes was closed.');
    }
  }

  /** Once more, in case it was chance. */
  #afterForm({ item }: Asking, target: string, message: string): Settled {
    const nowMs = this.#world.clock.now();
    const error: ItemError = { code: 'upstream_malformed', status: 502, message };
    const failed = { target, atMs: nowMs, error };
    if (item.formStrikes > 0 || item.strikes >= mostStrikes)
      return { seq: item.seq, state: 'dead', attempted: true, error, failed };
    return { seq: item.seq, state: 'alone', formStrikes: 1, attempted: true, dueAtMs: nowMs, failed };
  }

  #afterError({ item, chain }: Asking, error: GatewayError): Settled {
    const nowMs = this.#world.clock.now();
    const told: ItemError = errorOf(error);
    const failed = {
      target: chain.map(({ name }) => name).join(', '),
      atMs: nowMs,
      error: told,
    };
    // Our own limits are nobody's failure, and no strike.
    if (errorKinds[error.code].fault === 'policy' && error.retry !== 'never')
      return {
        seq: item.seq,
        state: 'alone',
        attempted: false,
        dueAtMs: nowMs + Math.max(noRoomMs, error.retryAfterMs ?? 0),
      };
    const strikes = item.strikes + 1;
    if (error.retry === 'never' || strikes > mostStrikes || item.strikes >= mostStrikes)
      return { seq: item.seq, state: 'dead', attempted: true, error: told, failed };
    const { retryMs } = this.#world.settings();
    if (strikes >= mostStrikes)
      return { seq: item.seq, state: 'dead', strikes, attempted: true, error: told, failed };
    const waitMs = retryMs[strikes - 1] ?? retryMs.at(-1) ?? 60_000;
    return { seq: item.seq, state: 'alone', strikes, attempted: true, dueAtMs: nowMs + waitMs, failed };
  }
}

function toldBy(
  { served, body, answer }: Extract<BookedCame, { kind: 'answer' | 'form' }>,
  formOk: boolean,
): Told {
  const chat = answer !== undefined && 'choices' in answer ? answer : undefined;
  return {
    target: served.target.name,
    body: oneLine(body),
    formOk,
    ...(chat === undefined ? {} : { answer: chat }),
  };
}

function settledSums({ exact: _exact, ...sums }: Sums): SettledSums {
  return { ...sums, repaired: 0 };
}

/** A provider may write its answer over several lines; results are one a line. */
function oneLine(body: string): string {
  return body.includes('\n') ? JSON.stringify(JSON.parse(body)) : body;
}
