/**
 * One request in the hands of a worker: it is called once, and what came of it is written, or it waits again.
 *
 * Each step is written before the next is taken: that a call's cost is unknown before the call, the answer before the books say what it
 * cost. A process that dies in between leaves a row that another takes up when the lease ends, and a ledger that says `unknown` of what
 * nobody can know.
 */
import { asGatewayError, GatewayError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { BookedCall, type BookedOptions } from '../router/booked.ts';
import type { Policy, Route } from '../router/contract.ts';
import { HandSink } from '../router/hand-sink.ts';
import type { Came } from '../router/kept-answer.ts';
import type { LedgerEntry } from '../stores/contract.ts';
import type { HeldRequest, SettledRequest } from '../stores/queue/contract.ts';
import { type After, type AfterInput, afterError, afterWrongForm } from './after.ts';
import { askInCascade, type Cascaded, cascadeHeaders } from './cascaded.ts';
import { workerRoute } from './chain.ts';
import type { QueuedRequest } from './contract.ts';
import type { Flights, Shared } from './flights.ts';
import { HeldRow } from './held-row.ts';
import { urgentMs } from './lanes.ts';
import { costOf, tellOf } from './tell-of.ts';
import type { Together } from './together.ts';
import type { QueuedCall, QueueWorld } from './world.ts';

/** Who holds the request for limits and budgets keeps its turn for so long; then it lets others have it. */
const patienceMs = 30_000;
/** Of one that was let go for want of room. */
const roomMs = 500;

/** Why a call was given up. `dropped`: its caller has cancelled it, or another worker has it; nothing of it is ours to write. */
type Closed = 'dropped' | 'patience' | 'stop';

export interface Shop {
  readonly world: QueueWorld;
  readonly flights: Flights;
  readonly books: Together<readonly LedgerEntry[], true>;
  readonly settling: Together<SettledRequest, boolean>;
  /** Others of the route would fare no better until then. */
  pause(route: string, untilMs: number): void;
  /** A hand is let through, or asks again. */
  changed(): void;
}

export class Hand {
  readonly #row: HeldRow;
  readonly #shop: Shop;
  readonly #sink = new HandSink();
  #closed: Closed | undefined;
  #calling = false;
  #following = false;

  constructor(shop: Shop, held: HeldRequest) {
    this.#shop = shop;
    this.#row = new HeldRow(shop.world, shop.settling, held);
  }

  get held(): HeldRequest {
    return this.#row.held;
  }

  get request(): QueuedRequest {
    return this.#row.request;
  }

  /** It was claimed again by this process. False: it is done. */
  hold(held: HeldRequest): boolean {
    return this.#row.hold(held);
  }

  /** False while limits and budgets have not let it through. */
  get calling(): boolean {
    return this.#calling;
  }

  /** It waits for limits and budgets to let it through. */
  get waiting(): boolean {
    return !this.#calling && !this.#following;
  }

  /** Ends the call. */
  close(why: Closed): void {
    this.#closed ??= why;
    if (why === 'dropped') this.#row.drop();
    this.#sink.close();
  }

  /** Never rejects but where the rows cannot be written: the lease then ends by itself. */
  async work(): Promise<void> {
    const { world } = this.#shop;
    await world.at('queue: after the claim');
    if (world.clock.now() >= this.request.deadlineAtMs) return this.#fail(pastDeadline());
    let call: QueuedCall;
    let route: Route;
    const policy = world.policy();
    try {
      call = this.#open();
      route = this.#route(policy);
    } catch (thrown) {
      return this.#fail(asGatewayError(thrown));
    }
    const flight = this.#shop.flights.join(`${this.request.owner}\n${route.name}\n${call.same()}`);
    if ('shared' in flight) return this.#follow(call, flight.shared);
    let shared: Shared;
    try {
      shared = await this.#call(call, route, policy);
    } finally {
      flight.land(shared);
    }
  }

  #open(): QueuedCall {
    const { world } = this.#shop;
    const { request } = this;
    const payer = world.payer(request.owner);
    if (payer !== undefined && !payer.mayUse(request.route, request.model))
      throw new GatewayError('forbidden', `The key may not use route "${request.route}" any more.`);
    // Of this try alone: what the ledger says of one that was broken off stays.
    const id = `${request.id}:${world.makeId('').slice(-8)}`;
    return world.open(request, id, world.clock.now(), payer?.caller);
  }

  #route(policy: Policy): Route {
    const { model, deadlineAtMs, operation } = this.request;
    const route = policy.find(model);
    if (route !== undefined)
      return workerRoute(route, policy, deadlineAtMs - this.#shop.world.clock.now(), operation);
    const guess = nearest(model, policy.names);
    const hint = guess === undefined ? '' : ` Did you mean "${guess}"?`;
    throw new GatewayError(
      'model_not_found',
      `No route or model is named "${model.slice(0, 200)}" any more.${hint}`,
      {
        param: 'model',
      },
    );
  }

  /** Returns the answer where there is one that others may take. */
  async #call(call: QueuedCall, route: Route, policy: Policy): Promise<Shared> {
    const { world, books } = this.#shop;
    const calls: BookedCall[] = [];
    const cancelPatience = world.clock.after(patienceMs, () => {
      if (!this.#calling) this.close('patience');
    });
    let came: Came;
    let cascaded: Cascaded | undefined;
    try {
      const { cascade } = route;
      if (cascade === undefined) came = await this.#ask(call, route, policy, calls);
      else {
        const all = await askInCascade({
          cascade,
          inForce: world.cascades.thresholds.of(route.name, cascade),
          ask: (part, steps) => {
            const over = steps === undefined ? route : { ...route, rules: [], chain: steps };
            return this.#ask({ ...call, id: `${call.id}.${part}` }, over, policy, calls, true);
          },
        });
        came = all.came;
        cascaded = 'outcome' in all ? all : undefined;
      }
    } catch (thrown) {
      came = { kind: 'error', error: asGatewayError(thrown) };
    } finally {
      cancelPatience();
    }
    await world.at('queue: after the call');
    if (cascaded !== undefined) tellOf(world, this.request.id, route, cascaded, calls);
    await this.#settle(call, route, costOf(calls), came, cascaded);
    const entries = calls.flatMap((booked) => booked.entries());
    if (entries.length > 0) {
      await books.add(entries);
      await world.at('queue: after the books');
    }
    return came.kind === 'answer' ? { id: this.request.id, body: came.body, served: came.served } : undefined;
  }

  /** One call, whose entries are its own. `judged`: what it says is looked at. */
  async #ask(
    call: QueuedCall,
    route: Route,
    policy: Policy,
    calls: BookedCall[],
    judged = false,
  ): Promise<Came> {
    const { world, books, changed } = this.#shop;
    const booked = new BookedCall(world, call, route);
    calls.push(booked);
    const options: BookedOptions = {
      policy,
      checked: judged || call.facts.needs.includes('structured-output'),
      sink: this.#sink,
      // It can wait, so that it leaves room to those that cannot; until it cannot.
      priority: this.#isUrgent() ? call.priority : 'low',
      before: async (target, attemptId) => {
        this.#calling = true;
        changed();
        await world.at('queue: before the intent');
        await books.add([booked.intent(target, attemptId)]);
        await world.at('queue: after the intent');
      },
      keepFor: (target) => call.keepFor(route, target),
    };
    const again = await booked.askAgain((sink) => call.findAgain(route, sink), options);
    return again ?? booked.ask(options);
  }

  async #settle(
    call: QueuedCall,
    route: Route,
    costNanoUsd: number,
    came: Came,
    cascaded: Cascaded | undefined,
  ): Promise<void> {
    const { world } = this.#shop;
    switch (came.kind) {
      case 'answer': {
        const headers = {
          ...call.headersOf(came.served, came.found?.headers),
          ...(cascaded === undefined ? {} : cascadeHeaders(cascaded, costNanoUsd)),
        };
        const answer = { status: 200, body: came.body, headers };
        return this.#row.end('answered', answer, costNanoUsd);
      }
      case 'form': {
        const error = new GatewayError('upstream_malformed', came.message);
        return this.#after(route, error, afterWrongForm(this.#afterInput()), costNanoUsd);
      }
      case 'error': {
        const { error } = came;
        if (error.code === 'internal')
          world.log.error(
            { request: this.request.id, err: error.cause ?? error },
            'defect in a call of the queue',
          );
        return this.#after(route, error, afterError(error, this.#afterInput()), costNanoUsd);
      }
      case 'closed':
        return this.#afterClose();
    }
  }

  async #afterClose(): Promise<void> {
    const nowMs = this.#shop.world.clock.now();
    if (this.#closed === 'dropped') return;
    if (this.#closed === 'stop') await this.#row.release(nowMs, this.#calling, 'shutting_down');
    else await this.#row.release(nowMs + roomMs, false, 'no_room');
  }

  #isUrgent(): boolean {
    return this.request.deadlineAtMs - this.#shop.world.clock.now() < urgentMs;
  }

  #afterInput(): AfterInput {
    const { clock, random } = this.#shop.world;
    const { deadlineAtMs, tries } = this.request;
    return { nowMs: clock.now(), deadlineAtMs, tries, chance: random() };
  }

  async #after({ name }: Route, error: GatewayError, after: After, costNanoUsd: number): Promise<void> {
    if (after.kind === 'fail') {
      const late = this.#shop.world.clock.now() >= this.request.deadlineAtMs;
      return this.#fail(late && error.code === 'upstream_timeout' ? pastDeadline() : error, costNanoUsd);
    }
    if (after.pause) this.#shop.pause(name, after.dueAtMs);
    await this.#row.release(after.dueAtMs, after.counted, error.code);
  }

  /** Takes the answer of another, or waits for its own turn where that has none. */
  async #follow(call: QueuedCall, leader: Promise<Shared>): Promise<void> {
    const { world, changed } = this.#shop;
    this.#following = true;
    changed();
    const shared = await leader;
    if (this.#closed === 'dropped') return;
    if (shared === undefined || this.#closed !== undefined)
      return this.#row.release(world.clock.now(), false, 'joined');
    world.events.joined();
    const { body, served, id } = shared;
    await this.#row.end(
      'answered',
      { status: 200, body, headers: call.headersOf(served, { 'x-intermodal-twin-of': id }) },
      0,
    );
  }

  async #fail(error: GatewayError, costNanoUsd = 0): Promise<void> {
    const { status, body } = this.#shop.world.encodeError(this.request, error);
    await this.#row.end(
      'failed',
      { status, body: JSON.stringify(body), headers: {} },
      costNanoUsd,
      error.code,
    );
  }
}

function pastDeadline(): GatewayError {
  return new GatewayError(
    'deadline_exceeded',
    'The deadline of the request passed before it could be answered.',
  );
}
