/**
 * Takes a line of an input for what it is: whether it can be sent, what it asks, whether a rule answers it, which way it may take. Assembling stores
 * what comes of it, a forecast only counts it; both hear the same of every line.
 */
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { costOf } from '../core/price.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Policy, Route } from '../router/contract.ts';
import { findRoute } from '../router/find-route.ts';
import { mostOutput } from '../router/needs.ts';
import type { WalkWorld } from '../router/progress.ts';
import { type JsonLine, mostLineBytes } from '../wire/jsonl.ts';
import { createHasher, type Hasher } from '../wire/request-hash.ts';
import { assumedShare, judgementTokens } from './cascade/usual.ts';
import type { Batch, Item, Lane } from './contract.ts';
import { type Draft, draftOf, reject } from './draft.ts';
import { outputBuffer } from './encode.ts';
import { Lanes } from './lanes.ts';
import type { BatchShape, ItemCall, Line } from './shape/contract.ts';
import { answerByRule } from './shortcuts.ts';
import type { BatchWorldInside, Payer } from './world.ts';

export interface ReadItem {
  /** `waiting`, `alone` or `rejected`; its twins are not looked for. */
  readonly item: Draft;
  /** JSON text in the caller's dialect, where a rule answers. */
  readonly ruled?: string;
  /** Expected, if it is sent, with a buffer for long answers. */
  readonly estimateNanoUsd: number;
}

/** Where a line goes that can be sent. Holds the line itself: not to be kept. */
export interface Way {
  readonly line: Line;
  readonly call: ItemCall;
  readonly route: Route;
  readonly lane: Lane;
  /** The first of the lane's chain. */
  readonly target: Target | undefined;
}

export type ReadingWorld = Pick<BatchWorldInside, 'policy' | 'prefilter' | 'estimates' | 'clock'> & {
  /** What deciding goes by, where it is more than the request. */
  readonly walk?: Pick<WalkWorld, 'sight'>;
};

interface ReaderInput {
  readonly world: ReadingWorld;
  readonly batch: Batch;
  readonly shape: BatchShape;
  readonly payer: Payer | undefined;
  readonly lanes: readonly Lane[];
  /** Hears of each line that can be sent. */
  readonly onWay?: (item: Draft, way: Way, ruled: boolean) => void;
}

export class ItemReader {
  readonly #input: ReaderInput;
  /** One for all lines, whatever is reloaded meanwhile. */
  readonly #policy: Policy;
  readonly #hasher: Hasher = createHasher();
  readonly lanes: Lanes;

  constructor(input: ReaderInput) {
    this.#input = input;
    this.#policy = input.world.policy();
    this.lanes = new Lanes(input.batch.no, input.lanes, input.world.walk?.sight);
  }

  /** `onReject` hears why, where it cannot be sent. */
  read(raw: JsonLine, onReject: (item: Draft, error: GatewayError) => void): ReadItem {
    const item = draftOf(this.#input.batch.no, raw);
    try {
      if (raw.text === undefined)
        throw new GatewayError(
          'invalid_request',
          `The line has ${raw.bytes} bytes; a line may have at most ${mostLineBytes}.`,
        );
      const line = this.#input.shape.readLine(raw.text, this.#input.batch);
      item.customId = line.customId;
      return this.#decide(item, line);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      reject(item, error);
      if (item.customId === '' && raw.text !== undefined)
        item.customId = this.#input.shape.customIdOf(raw.text) ?? '';
      onReject(item, error);
      return { item, estimateNanoUsd: 0 };
    }
  }

  #decide(item: Draft, line: Line): ReadItem {
    const { batch, payer, shape, world, onWay } = this.#input;
    const { facts } = line;
    const route = findRoute(this.#policy, facts.model);
    if (payer !== undefined && !payer.mayUse(route.name, facts.model))
      throw new GatewayError('forbidden', `The key may not use "${facts.model.slice(0, 200)}".`, {
        param: 'model',
      });
    const call = shape.call(line, { id: `${batch.id}:${item.seq}`, batch, nowMs: world.clock.now() });
    const ruled = answerByRule(world, call);
    const asked =
      route.canary === undefined || payer === undefined ? call : { ...call, caller: payer.caller };
    const lane = this.lanes.of(asked, route, this.#policy);
    const target = this.#policy.target(lane.chain[0] ?? '');
    item.lane = lane.lane;
    item.hash = this.#hasher(hashModel(lane, target, line, this.lanes.betterBy(lane)), line.body);
    item.inputTokens = Math.ceil(
      world.estimates.estimateInput(target?.model.id ?? facts.model, facts.inputTokens),
    );
    if (target?.mode !== 'batch') item.state = 'alone';
    onWay?.(item, { line, call, route, lane, target }, ruled !== undefined);
    if (ruled !== undefined) return { item, ruled, estimateNanoUsd: 0 };
    return {
      item,
      estimateNanoUsd: target === undefined ? 0 : this.#estimate(item, route, lane, target, line),
    };
  }

  /** With a buffer for long answers; of what betters them, as much as is usual. */
  #estimate(item: Item, route: Route, lane: Lane, target: Target, line: Line): number {
    let nanoUsd = this.#costOf(item, route, target, line, Number.POSITIVE_INFINITY);
    for (const { role, chain } of this.lanes.after(lane)) {
      const other = this.#policy.target(chain[0] ?? '');
      if (other === undefined) continue;
      const most = role === 'judge' ? judgementTokens : Number.POSITIVE_INFINITY;
      nanoUsd += (role === 'strong' ? assumedShare : 1) * this.#costOf(item, route, other, line, most);
    }
    return nanoUsd;
  }

  #costOf(item: Item, route: Route, target: Target, { facts }: Line, mostTokens: number): number {
    if (target.price === undefined) return 0;
    const most = Math.min(mostTokens, mostOutput(facts, target));
    const { estimates } = this.#input.world;
    const expected = most === 0 ? 0 : estimates.expectedOutput(`${route.name}|${target.name}`, most);
    return costOf(target.price, {
      inputTokens: item.inputTokens,
      outputTokens: Math.min(most, Math.ceil(expected * outputBuffer)),
    });
  }
}

/** Operations share models, and headers of a protocol may change what it answers; so may what betters it. */
function hashModel(
  { operation, model }: Lane,
  target: Target | undefined,
  { headers }: Line,
  betterBy: string,
): string {
  const better = betterBy === '' ? '' : `\n${betterBy}`;
  const name = `${operation} ${target?.model.id ?? model}${better}`;
  return headers === undefined ? name : `${name} ${JSON.stringify(headers)}`;
}
