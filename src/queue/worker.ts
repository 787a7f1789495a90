/**
 * The pool of workers under the buckets: claims what comes first by rank, as much as it may call at once, and keeps the claims while it calls.
 *
 * What limits do not let through stays in hand for a while, in the line of all who wait, and its route is passed over when more is
 * claimed: so a full bucket costs neither a write a second for each request behind it, nor the turn of those that have room.
 */
import { Bell } from '../core/bell.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import type { HeldRequest, SettledRequest } from '../stores/queue/contract.ts';
import { Flights } from './flights.ts';
import { Hand, type Shop } from './hand.ts';
import { urgentMs } from './lanes.ts';
import { Together } from './together.ts';
import type { QueueWorld } from './world.ts';

/** Of one route in hand without room: who is next is asked for without a claim in between. More would only hold claims. */
const mostWaitingOfRoute = 4;
/** In hand, of the calls that may be made at once. */
const handsOfWorkers = 2;
/** Of one claim: bodies are read with it. */
const mostClaimed = 16;
/** Those whose deadline has passed end without a call, many at a time. */
const mostOverdue = 64;
const overdueMs = 500;
/** With nothing to do, the store is asked again after this, for rows that another process has added … */
const longestSleepMs = 1_000;
/** … and after this where other processes tell of theirs: a hint may be lost. */
const longestSharedSleepMs = 5_000;
/** What is due, and somebody else was quicker. */
const leastSleepMs = 20;
/** Places that come free are claimed for together. */
const gatherMs = 20;
/** All that is due is of routes that are passed over. */
const againMs = 200;
/** The store has failed; it is asked again. */
const troubleMs = 1_000;
/** Routes may be named by callers, so they are not kept without end. */
const mostPaused = 1_000;

export class QueueWorker {
  readonly #world: QueueWorld;
  readonly #hands = new Map<string, Hand>();
  readonly #working = new Set<Promise<void>>();
  readonly #paused = new Map<string, number>();
  readonly #shop: Shop;
  #running: Promise<void> = Promise.resolve();
  #stopping = false;
  readonly #bell: Bell;
  #forgetWakeUps = (): void => {};
  #cancelRenewal: () => void = () => {};
  #rounds = 0;
  #overdueAtMs = 0;
  #fruitless: { readonly routes: string; readonly untilMs: number } | undefined;
  #closed = false;
  #claimedAtMs = 0;
  /** The last look was too soon after a claim. */
  #gathering = false;

  constructor(world: QueueWorld) {
    this.#world = world;
    this.#bell = new Bell(world.clock);
    this.#shop = {
      world,
      flights: new Flights(),
      books: new Together<readonly LedgerEntry[], true>(async (all) => {
        await world.ledger.append(all.flat());
        return all.map(() => true);
      }),
      settling: new Together<SettledRequest, boolean>((all) => world.rows.settle(all, world.clock.now())),
      pause: (route, untilMs) => this.#pause(route, untilMs),
      changed: () => void this.poke(),
    };
  }

  start(): void {
    this.#renewLater();
    this.#forgetWakeUps = this.#world.wakeUps.onWake(() => this.poke());
    this.#running = this.#run();
  }

  /** There is work, or room for it. Resolves once it is looked for, which waits for a free hand. */
  poke(): Promise<void> {
    return this.#bell.ring();
  }

  /** Nobody waits for the answer of this one any more. */
  drop(id: string): void {
    this.#hands.get(id)?.close('dropped');
  }

  get calling(): number {
    let calling = 0;
    for (const hand of this.#hands.values()) if (hand.calling) calling += 1;
    return calling;
  }

  /** No new claims. Calls that run have so long to end; then they are cut. What only waits is let go at once. */
  async close(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#forgetWakeUps();
    this.#bell.close();
    await this.#running;
    for (const hand of this.#hands.values()) if (!hand.calling) hand.close('stop');
    const cancel = this.#world.clock.after(graceMs, () => {
      for (const hand of this.#hands.values()) hand.close('stop');
    });
    await Promise.all(this.#working);
    cancel();
    this.#closed = true;
    this.#cancelRenewal();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const { rings } = this.#bell;
        if ((await this.#take()) === 0) await this.#bell.sleep(rings, () => this.#untilDue());
      } catch (thrown) {
        this.#world.log.error(
          { err: thrown },
          'the rows of the queue cannot be read or written; tried again',
        );
        await this.#bell.sleep(this.#bell.rings, async () => troubleMs);
      }
    }
  }

  /** Claims as many as may be called; how many that were. */
  async #take(): Promise<number> {
    const { clock, rows, settings } = this.#world;
    const { workers, leaseMs } = settings();
    const nowMs = clock.now();
    if (nowMs >= this.#overdueAtMs) {
      const overdue = await rows.claim(nowMs, leaseMs, mostOverdue, { deadlineBeforeMs: nowMs });
      // There may be more.
      if (overdue.length < mostOverdue) this.#overdueAtMs = nowMs + overdueMs;
      for (const held of overdue) this.#begin(held);
    }
    const waiting = this.#waitingByRoute();
    let blocked = 0;
    for (const count of waiting.values()) blocked += count;
    this.#gathering = false;
    const free = Math.min(
      workers - (this.#hands.size - blocked),
      workers * handsOfWorkers - this.#hands.size,
      mostClaimed,
    );
    if (free <= 0 || this.#gathers(free, workers, nowMs)) return 0;
    const exceptRoutes = this.#passedOver(waiting, nowMs);
    if (this.#wasFruitless(exceptRoutes, nowMs)) return 0;
    this.#bell.look();
    this.#rounds += 1;
    // Every second turn at most: urgent work must not keep all other waiting for ever.
    const urgent =
      this.#rounds % 2 === 0
        ? await rows.claim(nowMs, leaseMs, free, { deadlineBeforeMs: nowMs + urgentMs, exceptRoutes })
        : [];
    const claimed = urgent.length > 0 ? urgent : await rows.claim(nowMs, leaseMs, free, { exceptRoutes });
    for (const held of claimed) this.#begin(held);
    const routes = exceptRoutes.join('\n');
    this.#fruitless =
      claimed.length === 0 && routes !== '' ? { routes, untilMs: nowMs + againMs } : undefined;
    return claimed.length;
  }

  /** Looking past all that wait for a full route takes time, and little changes from one moment to the next. */
  #wasFruitless(exceptRoutes: readonly string[], nowMs: number): boolean {
    const last = this.#fruitless;
    return last !== undefined && nowMs < last.untilMs && last.routes === exceptRoutes.join('\n');
  }

  /** A claim is a durable write: with most hands full it is worth a moment to claim several at once. */
  #gathers(free: number, workers: number, nowMs: number): boolean {
    const worth = Math.min(mostClaimed, Math.ceil(workers / 4));
    this.#gathering = this.#hands.size > 0 && free < worth && nowMs < this.#claimedAtMs + gatherMs;
    if (!this.#gathering) this.#claimedAtMs = nowMs;
    return this.#gathering;
  }

  #waitingByRoute(): ReadonlyMap<string, number> {
    const waiting = new Map<string, number>();
    for (const hand of this.#hands.values()) {
      const { route } = hand.request;
      if (hand.waiting) waiting.set(route, (waiting.get(route) ?? 0) + 1);
    }
    return waiting;
  }

  #passedOver(waiting: ReadonlyMap<string, number>, nowMs: number): readonly string[] {
    for (const [route, untilMs] of this.#paused) if (untilMs <= nowMs) this.#paused.delete(route);
    const full = [...waiting].flatMap(([route, count]) => (count >= mostWaitingOfRoute ? [route] : []));
    return [...new Set([...this.#paused.keys(), ...full])].sort();
  }

  #pause(route: string, untilMs: number): void {
    const oldest = this.#paused.size >= mostPaused ? this.#paused.keys().next().value : undefined;
    if (oldest !== undefined) this.#paused.delete(oldest);
    this.#paused.set(route, untilMs);
  }

  #begin(held: HeldRequest): void {
    const { id } = held.request;
    // Calling it a second time would cost a second time.
    if (this.#hands.get(id)?.hold(held) === true) return;
    const hand = new Hand(this.#shop, held);
    this.#hands.set(id, hand);
    const work = hand
      .work()
      .catch((thrown: unknown) => {
        this.#world.log.error(
          { err: thrown, request: id },
          'what came of a request could not be written; it is taken up again when its lease ends',
        );
      })
      .finally(() => {
        if (this.#hands.get(id) === hand) this.#hands.delete(id);
        this.#working.delete(work);
        void this.poke();
      });
    this.#working.add(work);
  }

  async #untilDue(): Promise<number> {
    const { clock, rows, settings, wakeUps } = this.#world;
    if (this.#gathering) return gatherMs;
    if (this.#fruitless !== undefined) return againMs;
    // With all hands full nothing that is due could be taken.
    if (this.#hands.size >= settings().workers) return longestSleepMs;
    const longestMs = wakeUps.shared ? longestSharedSleepMs : longestSleepMs;
    const next = await rows.nextDueMs();
    return next === undefined ? longestMs : Math.min(longestMs, Math.max(next - clock.now(), leastSleepMs));
  }

  #renewLater(): void {
    const { clock, rows, settings, log } = this.#world;
    const { leaseMs } = settings();
    if (this.#closed) return;
    this.#cancelRenewal = clock.after(leaseMs / 3, () => {
      const held = [...this.#hands.values()].map((hand) => hand.held);
      rows.renew(held, clock.now() + leaseMs).then(
        (lost) => {
          for (const { request, fence } of lost) {
            const hand = this.#hands.get(request.id);
            if (hand?.held.fence === fence) hand.close('dropped');
          }
          this.#renewLater();
        },
        (thrown: unknown) => {
          log.error({ err: thrown }, 'claims could not be renewed; tried again');
          this.#renewLater();
        },
      );
    });
  }
}
