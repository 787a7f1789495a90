/**
 * Which way an item may take: its route's chain, decided as for a request, with the targets that have a batch API first. Items alike share
 * a lane, so that a batch of a million has a handful. Where the route has a cascade, what is not sure enough goes on to the lanes of its
 * later waves, which are decided in the same way.
 *
 * Health does not count: what is down now may be up when the item's turn comes, and a chain that is fixed can be resumed.
 */
import { GatewayError } from '../core/errors.ts';
import type { Facts } from '../core/facts.ts';
import { present } from '../core/present.ts';
import type { Step, Target } from '../router/chain/contract.ts';
import type { Considered, Policy, Route } from '../router/contract.ts';
import { decide, type World } from '../router/decide.ts';
import { askedFirst } from './cascade/asked.ts';
import { laterWaves, type Wave, wavesFrom } from './cascade/way.ts';
import type { Lane } from './contract.ts';
import { withMode } from './mode.ts';
import type { ItemCall } from './shape/contract.ts';

const healthy = { view: () => ({ standing: 'ready' as const, untilMs: 0 }) };

/** More than any file mixes; beyond it an item is rejected, so that names that callers make up fill nothing. */
const mostLanes = 1_000;

export class Lanes {
  readonly #batchNo: number;
  readonly #world: World;
  /** First lanes, by the whole of the way. */
  readonly #byKey = new Map<string, Lane>();
  /** What may better their answers, by their numbers. */
  readonly #later = new Map<number, { readonly lanes: readonly Lane[]; readonly text: string }>();
  #last = 0;
  #fresh: Lane[] = [];

  /** `sight`: of it only what tells items apart is used. */
  constructor(batchNo: number, known: readonly Lane[], sight?: World) {
    this.#batchNo = batchNo;
    this.#world = { ...healthy, ...present({ scorer: sight?.scorer, arm: sight?.arm }) };
    for (const lane of known) {
      this.#last = Math.max(this.#last, lane.lane);
      if (lane.role === 'answer') this.#know(wavesFrom(known, lane));
    }
  }

  /** Throws `GatewayError` where nothing of the route can serve it. */
  of(call: ItemCall, route: Route, policy: Policy): Lane {
    const { facts } = call;
    // A canary is of the usual chain alone.
    const by = (steps: readonly Step[], asking: ItemCall): readonly string[] =>
      chainOf(asking, { ...route, rules: [], chain: steps, order: 'listed' }, policy, healthy);
    const chain = chainOf(askedFirst(call, route.cascade), route, policy, this.#world);
    if (chain.length === 0)
      throw new GatewayError('unsupported', `No target of route "${route.name}" can serve this item.`);
    const checked = facts.needs.includes('structured-output');
    const waves: readonly Wave[] = [{ role: 'answer', chain }, ...laterWaves(route.cascade, call, chain, by)];
    const key = keyOf({ ...facts, checked }, waves);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (this.#byKey.size >= mostLanes)
      throw new GatewayError('invalid_request', `A batch may mix at most ${mostLanes} models and chains.`);
    const first = this.#last + 1;
    this.#last += waves.length;
    const lanes = waves.map(
      (wave, index): Lane => ({
        batchNo: this.#batchNo,
        lane: first + index,
        model: facts.model,
        route: route.name,
        operation: facts.operation,
        // What a judge says has the form of a judgement.
        checked: checked && wave.role !== 'judge',
        ...wave,
        ...(index + 1 < waves.length ? { next: first + index + 1 } : {}),
      }),
    );
    this.#fresh.push(...lanes);
    return this.#know(lanes);
  }

  #know(lanes: readonly Lane[]): Lane {
    const [first, ...later] = lanes;
    if (first === undefined) throw new Error('A way has no wave.');
    this.#byKey.set(keyOf(first, lanes), first);
    this.#later.set(first.lane, { lanes: later, text: later.map(wayOf).join('\n') });
    return first;
  }

  /** The lanes of its later waves. */
  after({ lane }: Pick<Lane, 'lane'>): readonly Lane[] {
    return this.#later.get(lane)?.lanes ?? [];
  }

  /** Under a cascade an answer is another thing than without it: neither may stand for the other. '' where nothing betters it. */
  betterBy({ lane }: Pick<Lane, 'lane'>): string {
    return this.#later.get(lane)?.text ?? '';
  }

  /** Those that were made since, to be stored with the items that need them. */
  takeFresh(): readonly Lane[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }
}

function keyOf(
  { model, operation, checked }: Pick<Lane, 'model' | 'operation' | 'checked'>,
  waves: readonly Wave[],
): string {
  return [model, operation, checked ? 1 : 0, ...waves.map(wayOf)].join('\n');
}

const wayOf = ({ role, chain }: Wave): string => [role, ...chain].join('\n');

/** Whether a batch API would take it, were it an item. */
export function isTakenInBatches(request: Considered, route: Route, policy: Policy): boolean {
  return batchTargets(request, decide(request, route, healthy).candidates, policy).length > 0;
}

/** Where the chain names no batch target, those of its targets that can be one come first. */
function chainOf(call: ItemCall, route: Route, policy: Policy, world: World): readonly string[] {
  const { candidates } = decide(call, route, world);
  const direct = candidates.filter(({ mode }) => mode !== 'batch');
  return [...new Set([...batchTargets(call, candidates, policy), ...direct].map(({ name }) => name))];
}

function batchTargets(
  { facts }: Considered,
  candidates: readonly Target[],
  policy: Policy,
): readonly Target[] {
  const { operation } = facts;
  const waits = candidates.filter((target) => isBatch(target, operation));
  const twins = waits.length > 0 ? waits : candidates.flatMap((target) => twinOf(target, policy, operation));
  return twins.filter((target) => takesInBatches(target, facts));
}

export function isBatch(target: Target, operation: Facts['operation']): boolean {
  return target.mode === 'batch' && batchEndpointOf(target, operation) !== undefined;
}

export function batchEndpointOf(target: Target, operation: Facts['operation']) {
  return operation === 'count-tokens' ? undefined : target.batches?.[operation];
}

/** A batch API may carry less than single calls of the same model. */
function takesInBatches(target: Target, { operation, needs }: Facts): boolean {
  const lacks = batchEndpointOf(target, operation)?.lacks;
  return lacks === undefined || !needs.some((need) => lacks.has(need));
}

/** The same model behind its provider's batch API. */
function twinOf(target: Target, policy: Policy, operation: Facts['operation']): Target[] {
  if (target.mode !== 'sync' || batchEndpointOf(target, operation) === undefined) return [];
  const named = policy.target(withMode(target.name, 'batch'));
  return named === undefined || !isBatch(named, operation) ? [] : [named];
}

/** What is asked by itself once batches did not help: the sync targets of the chain, else the sync form of all its targets. */
export function aloneChain(lane: Lane, policy: Policy): readonly Target[] {
  const open = (names: readonly string[]): Target[] => names.flatMap((name) => policy.target(name) ?? []);
  const direct = open(lane.chain).filter(({ mode }) => mode !== 'batch');
  return direct.length > 0 ? direct : open(lane.chain.map((name) => withMode(name, 'sync')));
}
