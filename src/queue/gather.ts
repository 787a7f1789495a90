/**
 * Makes batches of requests that were gathered. Each step can be taken again: the intent is a flush, whose id is on the requests before
 * anything is made of them and is the batch's idempotency key. Whoever dies in between is followed by whoever sees the flush open, and both
 * make the same batch.
 */
import type { Clock } from '../core/clock.ts';
import type { MakeId } from '../core/ids.ts';
import type { WaitingPolicy } from '../router/contract.ts';
import type { QueueRows } from '../stores/queue/contract.ts';
import type { QueuedRequest } from './contract.ts';
import { decideFlush } from './flush.ts';
import type { BatchRoad } from './gathering/contract.ts';
import { routeOfGroup } from './group.ts';

export interface GatherWorld {
  readonly rows: QueueRows;
  readonly road: BatchRoad;
  /** Of a route, by its name; nothing where it is gone. */
  readonly policy: (route: string) => WaitingPolicy | undefined;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly events: GatherEvents;
  /** There is work for the queue. */
  readonly poke: () => void;
  /** Named places, for those who watch the road or break it there. */
  readonly at: (place: string) => void | Promise<void>;
}

export interface GatherEvents {
  /** `requests` of them have become a batch. */
  gathered(requests: number, why: string): void;
  /** Too few for a batch: they go through the queue. */
  passedOn(requests: number): void;
  /** What came of so many. */
  settled(state: 'answered' | 'failed' | 'cancelled', requests: number): void;
}

/** Groups that are looked at each time, the oldest first. */
const mostGroups = 1_000;
/** A flush that somebody is still at is not to be done twice; long enough for the largest. */
const strangeMs = 60_000;
/** Requests of one page, and what a page may hold: bodies may have megabytes. */
const mostPage = 500;
const firstPage = 20;
const pageBytes = 8 * 1024 * 1024;

export class Gatherer {
  readonly #world: GatherWorld;
  /** When flushes of others were first seen open. */
  #seen = new Map<string, number>();

  constructor(world: GatherWorld) {
    this.#world = world;
  }

  /** Makes batches of what is due. */
  async flushDue(stopped: () => boolean): Promise<void> {
    const { rows, clock } = this.#world;
    for (const group of await rows.groups(mostGroups)) {
      if (stopped()) return;
      const flush = decideFlush(group, this.#policyOf(group.group), clock.now());
      if (flush.kind === 'queue') await this.#passOn(group.group);
      if (flush.kind === 'batch') await this.#flush(group.group, flush.limit, flush.why);
    }
  }

  /** Goes on with what was begun: at once what a start finds, later only what nobody seems to be at. */
  async resume(start: boolean): Promise<void> {
    const { rows, clock } = this.#world;
    const open = await rows.openFlushes();
    const nowMs = clock.now();
    this.#seen = new Map(open.map((flush) => [flush, this.#seen.get(flush) ?? nowMs]));
    for (const [flush, sinceMs] of this.#seen)
      if (start || nowMs - sinceMs >= strangeMs) await this.#batch(flush, 'resumed');
  }

  async #passOn(group: string): Promise<void> {
    const { rows, clock, events, poke, at } = this.#world;
    await at('gather: before the queue');
    const requests = await rows.toQueue({ group }, clock.now());
    if (requests === 0) return;
    events.passedOn(requests);
    poke();
  }

  async #flush(group: string, limit: number, why: string): Promise<void> {
    const { rows, makeId, at } = this.#world;
    const flush = makeId('flush_');
    await at('gather: before the intent');
    const requests = await rows.gather(group, flush, limit);
    await at('gather: after the intent');
    if (requests > 0) await this.#batch(flush, why);
  }

  async #batch(flush: string, why: string): Promise<void> {
    const { rows, road, events, at } = this.#world;
    const [first] = await rows.gathered(flush, '', 1);
    if (first === undefined) return;
    let deadlineAtMs = first.deadlineAtMs;
    const hear = (requests: readonly QueuedRequest[]): void => {
      for (const request of requests) deadlineAtMs = Math.min(deadlineAtMs, request.deadlineAtMs);
    };
    const batchNo = await road.create(flush, () => deadlineAtMs, first, this.#pages(flush, hear));
    await at('gather: after the batch');
    const requests = await rows.batched(flush, batchNo);
    await at('gather: after the outcome');
    this.#seen.delete(flush);
    if (requests > 0) events.gathered(requests, why);
  }

  async *#pages(
    flush: string,
    hear: (requests: readonly QueuedRequest[]) => void,
  ): AsyncGenerator<readonly QueuedRequest[], void, undefined> {
    let limit = firstPage;
    for (let after = ''; ; ) {
      const requests = await this.#world.rows.gathered(flush, after, limit);
      const last = requests.at(-1);
      if (last === undefined) return;
      after = last.id;
      hear(requests);
      yield requests;
      const largest = Math.max(1, ...requests.map(({ body }) => body.length));
      limit = Math.max(1, Math.min(mostPage, Math.floor(pageBytes / largest)));
    }
  }

  /** What has no route any more is flushed at once: the batch road says so to each of them. */
  #policyOf(group: string): Pick<WaitingPolicy, 'batchItems' | 'batchAgeMs' | 'leastItems'> {
    const route = routeOfGroup(group);
    const policy = route === undefined ? undefined : this.#world.policy(route);
    return policy ?? { batchItems: mostPage, batchAgeMs: 0, leastItems: 1 };
  }
}
