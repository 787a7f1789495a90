/**
 * Items that are asked by themselves, by sync calls: the last try after three strikes, what must be done before a deadline, and what no batch API
 * takes. A wave at a time: the ledger says that the calls' cost is unknown, they are made, their answers are durable, the ledger says what they
 * cost. A crash in between leaves entries that say `unknown`, and the items are asked again.
 */
import type { Answer, EmbeddingAnswer } from '../core/answer.ts';
import { errorKinds, GatewayError } from '../core/errors.ts';
import { attemptWhole, readChat as chatReader, readEmbedding } from '../router/attempt-whole.ts';
import type { AttemptRecord, Route, Served, Target, WholeSink } from '../router/contract.ts';
import { entryOf } from '../router/entry.ts';
import { Pass } from '../router/gate.ts';
import { needsOf } from '../router/needs.ts';
import { type WalkResult, walk } from '../router/walk.ts';
import type { Settled, SettledSums } from '../stores/batch/contract.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import { nextWave, pace } from './alone-next.ts';
import { checkForm, readChat } from './answer.ts';
import type { Batch, BatchShape, Item, ItemCall, ItemError, ItemResult, Lane } from './contract.ts';
import { errorOf } from './item-error.ts';
import { aloneChain, findRoute } from './lanes.ts';
import { type LocalBlob, openLocal } from './local-blob.ts';
import { aloneSegment, SegmentWriter } from './segment.ts';
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
  try {
    for (let wave = first; wave.items.length > 0; wave = await nextWave(world, batch)) {
      await pace(world, wave.items.length, signal);
      if (signal.aborted) break;
      await new Wave(world, batch, shape, lanes, input).run(wave.items);
      // It may have been cancelled meanwhile, its deadline may have passed, and items may be due to be submitted again.
      const nowMs = world.clock.now();
      const state = (await world.rows.batches.byNo(batch.no))?.state;
      if (state !== 'running' || nowMs >= Math.min(untilMs, batch.deadlineAtMs)) break;
    }
  } finally {
    await input.close();
  }
  return (await nextWave(world, batch)).dueAtMs;
}

interface Asking {
  readonly item: Item;
  readonly lane: Lane;
  readonly call: ItemCall;
  readonly route: Route;
  readonly records: { readonly target: Target; readonly record: AttemptRecord }[];
}

type Came =
  | { readonly kind: 'answer'; readonly target: string; readonly body: string; readonly sums: SettledSums }
  /** Answered, in a form that it must not have. */
  | { readonly kind: 'form'; readonly target: string; readonly message: string; readonly sums: SettledSums }
  | { readonly kind: 'error'; readonly error: GatewayError; readonly sums: SettledSums };

class Wave {
  readonly #world: BatchWorldInside;
  readonly #batch: Batch;
  readonly #shape: BatchShape;
  readonly #lanes: readonly Lane[];
  readonly #input: LocalBlob;
  /** A wave that is asked again after a crash must not overwrite what the ledger says of the first. */
  readonly #id: string;

  constructor(
    world: BatchWorldInside,
    batch: Batch,
    shape: BatchShape,
    lanes: readonly Lane[],
    input: LocalBlob,
  ) {
    this.#world = world;
    this.#batch = batch;
    this.#shape = shape;
    this.#lanes = lanes;
    this.#input = input;
    this.#id = world.makeId('').slice(-8);
  }

  async run(items: readonly Item[]): Promise<void> {
    const world = this.#world;
    const askings = items.map((item) => this.#prepare(item));
    await world.at('alone: before the intent');
    await world.ledger.append(askings.flatMap((asking) => this.#intent(asking)));
    await world.at('alone: after the intent');
    const came = await Promise.all(askings.map((asking) => this.#ask(asking)));
    await world.at('alone: after the calls');
    const results = await this.#write(came);
    const settled = askings.map((asking, index): Settled & { sums: SettledSums } => {
      const one = came[index];
      const result = results[index];
      const { seq } = asking.item;
      if (one === undefined) throw new Error('A call of a wave has no outcome.');
      const { sums } = one;
      if (one.kind === 'error') return { ...this.#afterError(asking, one.error), sums };
      if (one.kind === 'form') return { ...this.#afterForm(asking, one.target, one.message), sums };
      if (result === undefined) throw new Error('An answer has no place.');
      return { seq, state: 'done', attempted: true, result, sums };
    });
    await world.at('alone: before the items');
    await world.rows.items.settle(this.#batch.no, { alone: true }, settled);
    await world.at('alone: after the items');
    await world.ledger.append(askings.flatMap((asking) => this.#entries(asking)));
    await world.at('alone: after the books');
  }

  /** Answers by the target that gave them, so that it is known afterwards. */
  async #write(came: readonly Came[]): Promise<readonly (ItemResult | undefined)[]> {
    const results: (ItemResult | undefined)[] = came.map(() => undefined);
    const byTarget = Map.groupBy(came.entries(), ([, one]) => (one.kind === 'answer' ? one.target : ''));
    for (const [target, answers] of byTarget) {
      const segment = new SegmentWriter(this.#world, this.#batch.no, aloneSegment(target));
      const places = answers.map(([, one]) => (one.kind === 'answer' ? segment.add(one.body) : undefined));
      const number = await segment.close();
      answers.forEach(([index, { sums }], at) => {
        const place = places[at];
        if (place === undefined || number === undefined) return;
        const { costNanoUsd, listNanoUsd } = sums;
        results[index] = { segment: number, ...place, costNanoUsd, listNanoUsd };
      });
    }
    return results;
  }

  #prepare(item: Item): Asking {
    const world = this.#world;
    const lane = this.#lanes.find((one) => one.lane === item.lane);
    if (lane === undefined) throw new Error(`Item ${item.seq} of ${this.#batch.id} has no lane.`);
    const policy = world.policy();
    // A copy: all calls of the wave are held while others are read.
    const bytes = Buffer.from(this.#input.read(item.at, item.bytes));
    const line = this.#shape.readLine(bytes, this.#batch);
    const call = this.#shape.call(line, {
      id: `${this.#batch.id}:${item.seq}`,
      batch: this.#batch,
      nowMs: world.clock.now(),
    });
    const caller = world.payer(this.#batch.owner)?.caller;
    const chain = aloneChain(lane, policy).map((target) => ({ options: [{ target, weight: 1 }] }));
    // Its lane holds what was decided of a canary, and an item has no second one.
    const { canary: _, ...route } = findRoute(policy, lane.model);
    return {
      item,
      lane,
      call: caller === undefined ? call : { ...call, caller },
      route: { ...route, rules: [], chain },
      records: [],
    };
  }

  #entryId({ item }: Asking, index: number): string {
    return `${this.#batch.id}:${item.seq}:${this.#id}${index === 0 ? '' : `.${index}`}`;
  }

  /** What the ledger says until it knows more: the most that the first target can cost. */
  #intent(asking: Asking): LedgerEntry[] {
    const world = this.#world;
    const target = asking.route.chain[0]?.options[0]?.target;
    if (target === undefined) return [];
    const { worstNanoUsd } = needsOf(asking.call, asking.route, target, world.estimates);
    const spent = { costNanoUsd: worstNanoUsd, listNanoUsd: worstNanoUsd, exact: false };
    const ended = { id: this.#entryId(asking, 0), outcome: 'unknown' as const, spent, durationMs: 0 };
    return [entryOf(asking.call, asking.route, target, ended, world.clock.now())];
  }

  /** The same entries again, now that it is known; where nothing was called, that it cost nothing. */
  #entries(asking: Asking): LedgerEntry[] {
    const nowMs = this.#world.clock.now();
    const { call, route, records } = asking;
    const made = records.filter(({ record }) => record.outcome !== 'refused');
    const first = route.chain[0]?.options[0]?.target;
    if (made.length === 0 && first !== undefined)
      return [
        entryOf(
          call,
          route,
          first,
          {
            id: this.#entryId(asking, 0),
            outcome: 'failed',
            spent: { costNanoUsd: 0, listNanoUsd: 0, exact: true },
            durationMs: 0,
          },
          nowMs,
        ),
      ];
    return made.map(({ target, record }, index) =>
      entryOf(
        call,
        route,
        target,
        {
          ...record,
          id: this.#entryId(asking, index),
          outcome: record.outcome === 'refused' ? 'failed' : record.outcome,
          spent: record.spent ?? { costNanoUsd: 0, listNanoUsd: 0, exact: true },
        },
        nowMs,
      ),
    );
  }

  async #ask(asking: Asking): Promise<Came> {
    const world = this.#world;
    const { call, route, records } = asking;
    let told: Told | undefined;
    const sink: WholeSink<Answer | EmbeddingAnswer> = {
      closed: false,
      onClose: () => () => {},
      relay: ({ target }: Served, bytes) => {
        const body = Buffer.from(bytes).toString('utf8');
        told = asking.lane.checked
          ? tell(call, target, readChat(target, JSON.parse(body)), body)
          : { target: target.name, body, repaired: 0 };
      },
      answer: ({ target }: Served, answer) => {
        told = tell(call, target, answer);
      },
    };
    const watching = {
      ...world.walk,
      observe: (_call: unknown, _route: unknown, target: Target, record: AttemptRecord): void => {
        records.push({ target, record });
      },
    };
    const pass = new Pass(world.gate, call, route, world.policy());
    const result: WalkResult = await walk(watching, call, route, sink, pass, (target, tried, remainingMs) => {
      const input = { call, target, tried: [...tried], strict: route.strict, remainingMs };
      if (call.operation === 'embedding') {
        const { embeddings } = target;
        return embeddings === undefined
          ? none(target)
          : attemptWhole(world.exchange, input, embeddings, readEmbedding(embeddings), sink);
      }
      const { chat } = target;
      return chat === undefined
        ? none(target)
        : attemptWhole(world.exchange, input, chat, chatReader(chat), sink);
    });
    const sums = sumsOf(records.map(({ record }) => record));
    if (told?.wrongForm !== undefined)
      return { kind: 'form', target: told.target, message: told.wrongForm, sums };
    if (told !== undefined) {
      const { target, body, repaired } = told;
      return { kind: 'answer', target, body: oneLine(body), sums: { ...sums, repaired } };
    }
    const error =
      result.kind === 'failed'
        ? result.error
        : new GatewayError('internal', 'The call ended without an answer.');
    return { kind: 'error', error, sums };
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

  #afterError({ item, route }: Asking, error: GatewayError): Settled {
    const nowMs = this.#world.clock.now();
    const told: ItemError = errorOf(error);
    const failed = {
      target: route.chain.map((step) => step.options[0]?.target.name ?? '').join(', '),
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

interface Told {
  readonly target: string;
  readonly body: string;
  readonly repaired: 0 | 1;
  readonly wrongForm?: string;
}

/** An answer as the caller gets it, its form mended or found wrong; `body`: as it came, where that serves. */
function tell(
  call: ItemCall,
  { name }: Target,
  answer: Answer | EmbeddingAnswer,
  body: string | undefined = undefined,
): Told {
  const checked = 'choices' in answer ? checkForm(call, answer) : undefined;
  const mended = checked?.answer;
  return {
    target: name,
    body:
      body === undefined || mended !== undefined ? JSON.stringify(call.encodeAnswer(mended ?? answer)) : body,
    repaired: mended === undefined ? 0 : 1,
    ...(checked?.message === undefined ? {} : { wrongForm: checked.message }),
  };
}

function none(target: Target) {
  const error = new GatewayError('unsupported', `${target.name} does not offer this operation.`);
  return Promise.resolve({ kind: 'failed' as const, error });
}

function sumsOf(records: readonly AttemptRecord[]): SettledSums {
  let [costNanoUsd, listNanoUsd] = [0, 0];
  let [inputTokens, cacheReadTokens, outputTokens, reasoningTokens] = [0, 0, 0, 0];
  for (const { spent, usage } of records) {
    costNanoUsd += spent?.costNanoUsd ?? 0;
    listNanoUsd += spent?.listNanoUsd ?? 0;
    inputTokens += usage?.inputTokens ?? 0;
    cacheReadTokens += usage?.cacheReadTokens ?? 0;
    outputTokens += usage?.outputTokens ?? 0;
    reasoningTokens += usage?.reasoningTokens ?? 0;
  }
  const tokens = { inputTokens, cacheReadTokens, outputTokens, reasoningTokens };
  return { costNanoUsd, listNanoUsd, ...tokens, repaired: 0 };
}

/** A provider may write its answer over several lines; results are one a line. */
function oneLine(body: string): string {
  return body.includes('\n') ? JSON.stringify(JSON.parse(body)) : body;
}
