/** What callers may ask of requests that wait, each of their own. It writes rows; the worker does the rest. */
import type { Owner } from '../batch/contract.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { QueueRows } from '../stores/queue/contract.ts';
import { Additions } from './additions.ts';
import type { ListedRequest, NewQueuedRequest, QueueDesk, QueuedRequest } from './contract.ts';
import type { Handicaps } from './lanes.ts';
import { rankOf } from './lanes.ts';

interface DeskWorld {
  readonly rows: QueueRows;
  readonly clock: Clock;
  readonly handicaps: () => Handicaps;
  /** There is work. */
  readonly poke: () => void;
  /** Nobody waits for the answer of this one any more. */
  readonly dropped: (id: string) => void;
}

export class Desk implements QueueDesk {
  readonly #world: DeskWorld;
  readonly #additions: Additions;

  constructor(world: DeskWorld) {
    this.#world = world;
    this.#additions = new Additions(world.rows);
  }

  async add(
    request: NewQueuedRequest,
  ): Promise<{ readonly request: QueuedRequest; readonly replayed: boolean }> {
    const { poke, handicaps } = this.#world;
    const rankMs = rankOf(request, handicaps());
    const { request: made, existing: replayed } = await this.#additions.add({ ...request, rankMs });
    if (replayed && Buffer.compare(made.body, request.body) !== 0)
      throw new GatewayError(
        'conflict',
        `The idempotency key was used for another request, ${made.id}. Use a new key for a new request.`,
      );
    if (!replayed && request.way === 'queue') poke();
    return { request: made, replayed };
  }

  async get(owner: Owner, id: string): Promise<QueuedRequest> {
    const request = await this.#world.rows.get(owner, id);
    if (request === undefined)
      throw new GatewayError(
        'not_found',
        `No request has the id "${id.slice(0, 100)}". What has ended is kept for a while only.`,
      );
    return request;
  }

  async list(
    owner: Owner,
    limit: number,
    after?: string,
  ): Promise<{ readonly data: readonly ListedRequest[]; readonly hasMore: boolean }> {
    // One more than asked for tells whether there are more.
    const found = await this.#world.rows.list(owner, limit + 1, after);
    return { data: found.slice(0, limit), hasMore: found.length > limit };
  }

  async cancel(owner: Owner, id: string): Promise<QueuedRequest> {
    const { rows, clock, dropped } = this.#world;
    const cancelled = await rows.cancel(owner, id, clock.now());
    if (cancelled) dropped(id);
    const request = await this.get(owner, id);
    // A caller that was not answered asks again.
    if (request.state === 'cancelled') return request;
    throw new GatewayError('conflict', `The request ${id} has ended: it is ${request.state}.`);
  }
}
