/**
 * Forecasts a batch without sending anything: reads its lines as assembling does, and counts where that stores. Memory holds a chunk of lines, two
 * tables of fingerprints and a few sums a lane, however long the file is.
 *
 * Twins are told by the fingerprints alone, since no rows are there to verify them by: of a million lines one in two thousand such files would have one
 * line taken for another's twin.
 */
import { GatewayError } from '../../core/errors.ts';
import { Load, type MostLoad } from '../../core/load.ts';
import type { Target } from '../../router/chain/contract.ts';
import type { Policy, Route } from '../../router/contract.ts';
import { mostOutput } from '../../router/needs.ts';
import type { JsonLine } from '../../wire/jsonl.ts';
import { mostItems } from '../assemble.ts';
import type { Batch, Lane } from '../contract.ts';
import { aloneMs, marginMs } from '../deadline.ts';
import type { Draft } from '../draft.ts';
import { aloneChain, isBatch } from '../lanes.ts';
import { leastOf, mostOf, nextStep } from '../plan.ts';
import { ItemReader, type ReadingWorld, type Way } from '../read-item.ts';
import type { BatchSettings } from '../settings.ts';
import type { BatchShape } from '../shape/contract.ts';
import { markTwins, Twins } from '../twins.ts';
import { CacheMarkers } from './cache-markers.ts';
import type { Expected, Experience } from './experience.ts';
import { chooseBaseline, ladderOf } from './ladder.ts';
import type { LaneTallies } from './lane-tallies.ts';
import type { CascadeForecast, ExpectedOf, Forecast, RejectedLine, TargetForecast } from './report.ts';
import { Tally, type Weight } from './tally.ts';
import { loadsOf, targetForecast } from './targets.ts';
import { cascadeForecast, escalationOf } from './waves.ts';

const chunkLines = 4_000;
const mostTold = 100;

export interface ForecastInput {
  readonly world: ReadingWorld;
  readonly settings: BatchSettings;
  readonly shape: BatchShape;
  /** As it would be submitted. */
  readonly batch: Batch;
  readonly experience: Experience;
  /** `provider/model` that the ladder begins at; absent: the dearest of the file's routes. */
  readonly baseline?: string;
}

interface LaneState extends LaneTallies {
  readonly route: Route;
  readonly expected: Expected;
  /** Of the first target, where it has a batch API. */
  readonly most: MostLoad | undefined;
  load: Load | undefined;
  submissions: number;
}

interface Read {
  readonly item: Draft;
  readonly isRuled: boolean;
  /** Absent where the line is rejected. */
  readonly weight: Weight | undefined;
}

export class Forecaster {
  readonly #input: ForecastInput;
  readonly #policy: Policy;
  readonly #reader: ItemReader;
  readonly #twins: Twins;
  readonly #markers = new CacheMarkers();
  readonly #lanes = new Map<number, LaneState>();
  readonly #rejected: RejectedLine[] = [];
  #rejectedCount = 0;
  #lines = 0;
  #chunk: Read[] = [];
  #weight: Weight | undefined;

  /** `most`: lines that there may be. */
  constructor(input: ForecastInput, most: number) {
    this.#input = input;
    this.#policy = input.world.policy();
    this.#twins = new Twins(Math.min(mostItems, Math.max(1_000, most)));
    this.#reader = new ItemReader({
      world: input.world,
      batch: input.batch,
      shape: input.shape,
      payer: undefined,
      lanes: [],
      onWay: (item, way) => {
        this.#weight = this.#weigh(item, way);
      },
    });
  }

  read(line: JsonLine): void {
    this.#count();
    this.#weight = undefined;
    const { item, ruled } = this.#reader.read(line, ({ seq }, { message }) => this.#tell(seq, message));
    this.#chunk.push({ item, isRuled: ruled !== undefined, weight: this.#weight });
    if (this.#chunk.length >= chunkLines) this.#settle();
  }

  /** A line that cannot even be read. */
  reject(line: number, message: string): void {
    this.#count();
    this.#tell(line, message);
  }

  #count(): void {
    this.#lines += 1;
    if (this.#lines > mostItems)
      throw new GatewayError(
        'invalid_request',
        `The file has more than ${mostItems} lines, the most of one batch. Submit it in parts.`,
      );
  }

  #tell(line: number, message: string): void {
    this.#rejectedCount += 1;
    if (this.#rejected.length < mostTold) this.#rejected.push({ line, message });
  }

  #weigh(item: Draft, { line, call, route, lane, target }: Way): Weight {
    let state = this.#lanes.get(lane.lane);
    if (state === undefined) {
      state = this.#open(lane, target, route);
      this.#lanes.set(lane.lane, state);
    }
    const { expected } = state;
    const inputTokens = call.facts.inputTokens * expected.inputFactor;
    const most = target === undefined ? 0 : mostOutput(call.facts, target);
    item.inputTokens = Math.ceil(inputTokens);
    return {
      inputTokens,
      outputTokens: Math.min(expected.outputTokens, most),
      ...this.#caches(inputTokens, expected, line.body),
    };
  }

  #caches(
    inputTokens: number,
    { cachedShare }: Expected,
    body: Way['line']['body'],
  ): Pick<Weight, 'cacheReadTokens' | 'cacheWriteTokens'> {
    if (cachedShare !== undefined) return { cacheReadTokens: inputTokens * cachedShare, cacheWriteTokens: 0 };
    const marked = this.#markers.of(body);
    const tokens = inputTokens * (marked?.share ?? 0);
    return marked?.isRepeated === true
      ? { cacheReadTokens: tokens, cacheWriteTokens: 0 }
      : { cacheReadTokens: 0, cacheWriteTokens: tokens };
  }

  #open(lane: Lane, target: Target | undefined, route: Route): LaneState {
    const expected = this.#input.experience.of(route, target);
    const most = target === undefined ? undefined : mostOf(target, lane.operation, this.#input.settings);
    const tallies = { sent: new Tally(), twins: new Tally(), ruled: new Tally() };
    return { lane, target, route, expected, most, load: undefined, submissions: 0, waves: [], ...tallies };
  }

  /** Finds the twins among the lines that were read, and forgets the lines. */
  #settle(): void {
    const chunk = this.#chunk;
    this.#chunk = [];
    const items = chunk.map(({ item }) => item);
    markTwins(
      items,
      (index) => this.#earlier(items[index]),
      ({ seq }, { message }) => this.#tell(seq, message),
    );
    for (const { item, isRuled, weight } of chunk) {
      this.#twins.add(item);
      const state = this.#lanes.get(item.lane);
      if (weight === undefined || state === undefined || item.state === 'rejected') continue;
      if (item.state === 'twin') state.twins.add(weight);
      else if (isRuled) state.ruled.add(weight);
      else {
        state.sent.add(weight);
        fill(state, item);
      }
    }
  }

  #earlier(item: Draft | undefined) {
    if (item === undefined) return [];
    const { customId, hash } = item;
    const nothing = { customId: '', hash: '' };
    return [
      ...this.#twins.sameCustomId(customId).map((seq) => ({ ...nothing, seq, customId })),
      ...this.#twins.sameHash(hash).map((seq) => ({ ...nothing, seq, hash })),
    ];
  }

  close(): Forecast {
    this.#settle();
    for (const state of this.#lanes.values()) this.#place(state);
    const cascades = [...this.#lanes.values()].flatMap((state) => this.#follow(state));
    const states = [...this.#lanes.values()];
    const targets = this.#targets(states);
    const baseline = chooseBaseline(states, this.#policy, this.#input.baseline);
    const count = (of: (state: LaneState) => Tally): number =>
      states.reduce((sum, state) => sum + of(state).sums.items, 0);
    const sent = count((state) => state.sent);
    return {
      lines: this.#lines,
      rejected: this.#rejectedCount,
      rejectedLines: [...this.#rejected].sort((one, other) => one.line - other.line),
      twins: count((state) => state.twins),
      ruled: count((state) => state.ruled),
      sent,
      targets,
      submissions: targets.reduce((sum, { submissions }) => sum + submissions, 0),
      costNanoUsd: targets.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0),
      baseline,
      ladder: ladderOf(states, this.#policy, baseline),
      expected: expectedOf(states),
      cascades,
      time: this.#time(targets, sent),
    };
  }

  #place(state: LaneState): void {
    const { items, inputTokens } = state.sent.sums;
    const placed = this.#placeOf(state.lane, items, inputTokens);
    // Lines were laid into submissions as they were read; those that went on are few.
    if (placed.step !== 0 || placed.submissions === 0) state.submissions = placed.submissions;
    state.target = placed.target ?? state.target;
  }

  /** As planning does: what is too little for a provider goes on along its chain, and is asked alone where that ends. */
  #placeOf(
    lane: Lane,
    items: number,
    inputTokens: number,
  ): { readonly target: Target | undefined; readonly step: number; readonly submissions: number } {
    let step: number | undefined = 0;
    while (step !== undefined) {
      const target = this.#policy.target(lane.chain[step] ?? '');
      if (target === undefined || !isBatch(target, lane.operation)) break;
      if (items === 0 || items >= leastOf(target, lane.operation))
        return { target, step, submissions: Math.max(1, this.#fewest(target, lane, items, inputTokens)) };
      step = nextStep(this.#input.world, lane, step);
    }
    return { target: aloneChain(lane, this.#policy)[0], step: 0, submissions: 0 };
  }

  #fewest(target: Target, lane: Lane, items: number, inputTokens: number): number {
    const most = mostOf(target, lane.operation, this.#input.settings);
    if (most === undefined) return 0;
    return Math.max(Math.ceil(items / most.items), Math.ceil(inputTokens / most.inputTokens));
  }

  /** The waves after the first, and whether they are worth their price. */
  #follow(state: LaneState): readonly CascadeForecast[] {
    const { route, sent, target } = state;
    const lanes = this.#reader.lanes.after(state.lane);
    const strong = lanes.at(-1);
    if (strong === undefined) return [];
    const open = (lane: Lane): Target | undefined => this.#policy.target(lane.chain[0] ?? '');
    const others = lanes.slice(0, -1).map(open);
    const { experience } = this.#input;
    const escalation = escalationOf(route, target, others, open(strong), experience.answers);
    const { items, inputTokens } = sent.sums;
    state.waves = lanes.map((lane) => {
      const share = lane === strong ? escalation.share : 1;
      const placed = this.#placeOf(lane, Math.ceil(items * share), inputTokens * share);
      return { lane, share, target: placed.target, submissions: placed.submissions };
    });
    return items === 0 ? [] : [cascadeForecast(route.name, escalation, target, state.waves, sent)];
  }

  #targets(states: readonly LaneState[]): readonly TargetForecast[] {
    const loads = states.filter(({ sent }) => sent.sums.items > 0).flatMap(loadsOf);
    return [...Map.groupBy(loads, ({ name }) => name)]
      .map(([name, list]) => targetForecast(name, list))
      .sort((one, other) => other.costNanoUsd - one.costNanoUsd || other.items - one.items);
  }

  #time(targets: readonly TargetForecast[], sent: number): Forecast['time'] {
    const { batch, settings } = this.#input;
    const { windowMs } = batch;
    const alone = targets.reduce((sum, { items, submissions }) => sum + (submissions === 0 ? items : 0), 0);
    const byRate =
      settings.alonePerMinute === undefined ? 0 : (Math.max(0, alone - 1) / settings.alonePerMinute) * 60_000;
    return {
      mode: targets.some(({ submissions }) => submissions > 0) ? 'batch' : 'sync',
      windowMs,
      ...(targets.some(({ submissions }) => submissions > 0)
        ? { turnsAfterMs: windowMs - marginMs(batch, sent, settings.aloneAtOnce) }
        : {}),
      aloneMs: alone === 0 ? 0 : Math.max(byRate, aloneMs(alone, settings.aloneAtOnce)),
    };
  }
}

/** The next submission of its lane takes it. */
function fill(state: LaneState, { bytes, inputTokens }: Draft): void {
  if (state.most === undefined || state.load?.take(bytes, inputTokens) === true) return;
  state.load = new Load(state.most);
  state.load.take(bytes, inputTokens);
  state.submissions += 1;
}

/** Each route and target once, though several lanes may have them. */
function expectedOf(states: readonly LaneState[]): readonly ExpectedOf[] {
  const byKey = new Map<string, ExpectedOf>();
  for (const { lane, expected } of states) {
    const target = lane.chain[0] ?? '';
    byKey.set(`${lane.route}\n${target}`, { route: lane.route, target, ...expected });
  }
  return [...byKey.values()];
}
