/** Runs a drill: the whole gateway beside its stand-ins, a steady load over each route, the script's outages in compressed time. */
import type { Route } from '../../router/contract.ts';
import { faultPlanSchema } from '../../simulator/faults.ts';
import { ConfigError } from '../config-error.ts';
import { ask } from './ask.ts';
import { type Counter, countersOf, ownerOf, spendAll } from './budgets.ts';
import { createFastClock, type FastClock } from './clock.ts';
import type { Rehearsed } from './config.ts';
import { type RehearsedGateway, startRehearsal } from './gateway.ts';
import { Judge, type Verdict } from './judge.ts';
import { type Happening, happeningText, type Script } from './script.ts';
import { type RouteShapes, shapesOf } from './shapes.ts';
import { type Minute, type RouteSeen, Tally } from './tally.ts';

export interface DrillInput {
  readonly file: string;
  readonly script: Script;
  readonly minutes: number;
  /** How much faster its time goes than that of the machine. */
  readonly speed: number;
  /** Requests a minute, of every route and over that of single ones. */
  readonly perMinute: number;
  readonly perMinuteOf: ReadonlyMap<string, number>;
}

export interface DrillResult {
  readonly minutes: readonly Minute[];
  readonly routes: readonly RouteSeen[];
  readonly promises: readonly Verdict[];
  /** What was not rehearsed, and why. */
  readonly left: readonly string[];
}

/** How long a stand-in thinks, in the drill's time: about as long as a small model. */
const thinkMs = 400;
/** Requests that run at once, of all routes; what comes beyond is not sent, and told. */
const mostRunning = 500;
/** For the gateway to write down why, once a caller has its error. */
const writtenMs = 500;
/** Noon of some Wednesday: no window of a day or a week ends in a drill, and it is the same drill every day. */
const noonMs = Date.UTC(2026, 0, 14, 12);

export async function drill(input: DrillInput): Promise<DrillResult> {
  const clock = createFastClock(noonMs, input.speed);
  try {
    const gateway = await startRehearsal(input.file, clock, (loaded) => keysFor(loaded, input.script));
    try {
      return await new Drill(input, gateway, clock).run();
    } finally {
      await gateway.close();
    }
  } finally {
    clock.stop();
  }
}

/** Where budgets are of keys, the load is of those keys, and of one more. */
function keysFor({ policy }: Rehearsed, { events }: Script): readonly string[] {
  const asked = events.flatMap((one) => (one.kind === 'budget-end' ? [ownerOf(one.of)] : []));
  const named = [
    ...asked.filter(({ scope }) => scope === 'key').map(({ owner }) => owner),
    ...policy.budgets.filter(({ scope, of }) => scope === 'key' && of !== '*').map(({ of }) => of),
  ];
  const ofKeys = named.length > 0 || policy.budgets.some(({ scope }) => scope === 'key');
  return ofKeys ? [...new Set([...named, 'drill'])] : [];
}

class Drill {
  readonly #input: DrillInput;
  readonly #gateway: RehearsedGateway;
  readonly #clock: FastClock;
  readonly #startMs: number;
  readonly #endMs: number;
  readonly #tally: Tally;
  readonly #judge: Judge;
  readonly #left: string[] = [];
  readonly #running = new Set<Promise<void>>();
  #unsent = 0;
  #told = 0;

  constructor(input: DrillInput, gateway: RehearsedGateway, clock: FastClock) {
    this.#input = input;
    this.#gateway = gateway;
    this.#clock = clock;
    this.#startMs = clock.now();
    this.#endMs = this.#startMs + input.minutes * 60_000;
    this.#tally = new Tally(this.#startMs);
    const { policy, routes } = gateway.loaded;
    this.#judge = new Judge({
      happenings: input.script.events,
      breaker: policy.breaker,
      retryAfterCapMs: Math.max(0, ...routes.map(({ retry }) => retry.retryAfterCapMs)),
      startMs: this.#startMs,
    });
  }

  async run(): Promise<DrillResult> {
    const { events } = this.#input.script;
    this.#mustMean(events);
    this.#setFaults();
    for (const one of events) this.#schedule(one);
    for (let minute = 1; minute <= this.#input.minutes; minute++)
      this.#clock.after(minute * 60_000, () => this.#checkMoney());
    const shaped = this.#shapes();
    for (const [index, { route, shapes }] of shaped.entries()) {
      const everyMs = 60_000 / this.#perMinuteOf(route);
      this.#load(route, shapes, everyMs, (everyMs * index) / shaped.length, 0);
    }
    await this.#clock.sleep(this.#endMs - this.#clock.now());
    await Promise.all(this.#running);
    this.#countViolations();
    this.#checkMoney();
    await this.#countCosts();
    if (this.#unsent > 0)
      this.#left.push(`${this.#unsent} requests, since ${mostRunning} were running: lower --rate`);
    return {
      minutes: Array.from({ length: this.#input.minutes }, (_, minute) =>
        this.#tally.minute(minute, this.#happeningsOf(minute)),
      ),
      routes: this.#tally.routes(),
      promises: this.#judge.verdicts(),
      left: this.#left,
    };
  }

  /** A script that means nobody would prove nothing. */
  #mustMean(events: readonly Happening[]): void {
    const { providers, policy } = this.#gateway.loaded;
    for (const one of events) {
      if (one.kind === 'budget-end') {
        if (countersOf(policy.budgets, one.of, this.#clock.now()).length === 0)
          throw new ConfigError(`The config has no budget of ${one.of} that could end.`);
        continue;
      }
      const [provider = ''] = one.of.split('/');
      if (!provider.includes('*') && !providers.has(provider))
        throw new ConfigError(
          `There is no provider "${provider}". There are: ${[...providers.keys()].join(', ')}.`,
        );
    }
  }

  #shapes(): readonly RouteShapes[] {
    return this.#gateway.loaded.routes.flatMap((route) => {
      const shaped = shapesOf(route);
      if (shaped === undefined) {
        this.#left.push(`route ${route.name}: nothing of it answers over a held line`);
        return [];
      }
      this.#left.push(...shaped.left.map((why) => `route ${route.name}, ${why}`));
      return [shaped];
    });
  }

  #perMinuteOf({ name }: Route): number {
    return this.#input.perMinuteOf.get(name) ?? this.#input.perMinute;
  }

  #load(route: Route, shapes: RouteShapes['shapes'], everyMs: number, inMs: number, count: number): void {
    this.#clock.after(inMs, () => {
      if (this.#clock.now() >= this.#endMs) return;
      this.#send(route, shapes, count);
      this.#load(route, shapes, everyMs, everyMs, count + 1);
    });
  }

  #send(route: Route, shapes: RouteShapes['shapes'], count: number): void {
    const shape = shapes[count % shapes.length];
    if (shape === undefined) return;
    if (this.#running.size >= mostRunning) {
      this.#unsent += 1;
      return;
    }
    const keys = [...this.#gateway.keys.values()];
    const asking = {
      url: this.#gateway.url,
      clock: this.#clock,
      // Every shape by every key.
      key: keys[Math.floor(count / shapes.length) % Math.max(1, keys.length)],
      route: route.name,
      shape,
      patienceMs: route.budgetMs * 1.5 + 30_000,
    };
    const asked = this.#seeOne(asking).finally(() => this.#running.delete(asked));
    this.#running.add(asked);
  }

  async #seeOne(asking: Parameters<typeof ask>[0]): Promise<void> {
    const seen = await ask(asking);
    this.#tally.add(seen);
    if (seen.error === undefined) return;
    await this.#clock.sleep(writtenMs);
    const { decisions } = this.#gateway.world;
    this.#judge.failed(seen, seen.decision === undefined ? undefined : decisions.find(seen.decision));
  }

  #schedule(happening: Happening): void {
    this.#clock.after(happening.atMs, () => {
      if (happening.kind !== 'budget-end') {
        this.#setFaults();
        return;
      }
      const { limits } = this.#gateway.world;
      const nowMs = this.#clock.now();
      for (const counter of countersOf(this.#gateway.loaded.policy.budgets, happening.of, nowMs)) {
        const spent = spendAll(limits, counter, nowMs).finally(() => this.#running.delete(spent));
        this.#running.add(spent);
      }
    });
    if (happening.kind !== 'budget-end' && Number.isFinite(happening.untilMs))
      this.#clock.after(happening.untilMs, () => this.#setFaults());
  }

  /** What goes on now, as the stand-ins are told. */
  #setFaults(): void {
    this.#countViolations();
    const { speed } = this.#clock;
    const sinceMs = this.#clock.now() - this.#startMs;
    const { simulator, loaded } = this.#gateway;
    simulator.setFaults(
      faultPlanSchema.parse({
        think_ms: Math.max(1, Math.round(thinkMs / speed)),
        limits: Object.entries(loaded.config.limits).map(([name, limit]) => limitOf(name, limit)),
        faults: this.#input.script.events.flatMap((one) =>
          one.kind !== 'budget-end' && one.atMs <= sinceMs && sinceMs < one.untilMs ? [faultOf(one)] : [],
        ),
      }),
    );
    this.#told = 0;
  }

  /** Another plan begins with buckets that are full, and counts from nothing. Throttles of the script are no violations. */
  #countViolations(): void {
    const violations = this.#gateway.simulator.violations();
    this.#judge.overLimit(violations - this.#told, this.#clock.now());
    this.#told = violations;
  }

  #checkMoney(): void {
    const nowMs = this.#clock.now();
    const { world } = this.#gateway;
    for (const { rule, key } of this.#counters(nowMs))
      this.#judge.budget(rule, key, world.limits.budget(key).usedNanoUsd, nowMs);
  }

  #counters(nowMs: number): readonly Counter[] {
    const { policy, routes, providers } = this.#gateway.loaded;
    const owners = [
      'all',
      ...[...this.#gateway.keys.keys()].map((name) => `key:${name}`),
      ...routes.map(({ name }) => `route:${name}`),
      ...[...providers.keys()].map((name) => `provider:${name}`),
    ];
    return owners.flatMap((of) => countersOf(policy.budgets, of, nowMs));
  }

  async #countCosts(): Promise<void> {
    const { ledger, spending } = this.#gateway.world;
    await ledger.flush();
    for (let minute = 0; minute < this.#input.minutes; minute++) {
      const fromMs = this.#startMs + minute * 60_000;
      const [sum] = await spending.spend({ fromMs, toMs: fromMs + 60_000 }, []);
      this.#tally.cost(minute, (sum?.costNanoUsd ?? 0) / 1e9);
    }
  }

  #happeningsOf(minute: number): readonly string[] {
    const [fromMs, toMs] = [minute * 60_000, (minute + 1) * 60_000];
    return this.#input.script.events
      .filter(
        (one) => one.atMs < toMs && (one.kind === 'budget-end' ? one.atMs >= fromMs : one.untilMs > fromMs),
      )
      .map(happeningText);
  }
}

function faultOf(one: Exclude<Happening, { kind: 'budget-end' }>): object {
  const slash = one.of.indexOf('/');
  const place =
    slash < 0 ? { provider: one.of } : { provider: one.of.slice(0, slash), model: one.of.slice(slash + 1) };
  if (one.kind === 'throttle')
    return {
      ...place,
      kind: 'rate-limit',
      ...(one.retryAfterMs === undefined ? {} : { retry_after_s: one.retryAfterMs / 1000 }),
    };
  return {
    ...place,
    kind: one.how,
    percent: one.percent,
    ...(one.how === 'outage' ? { status: one.status } : {}),
    ...(one.how === 'cut' || one.how === 'stall' ? { after: 3 } : {}),
  };
}

function limitOf(name: string, limit: Rehearsed['config']['limits'][string]): object {
  const slash = name.indexOf('/');
  const { rpm, input_tpm: input, output_tpm: output, concurrent } = limit;
  return {
    provider: slash < 0 ? name : name.slice(0, slash),
    model: slash < 0 ? '*' : name.slice(slash + 1),
    ...(rpm === undefined ? {} : { rpm }),
    ...(input === undefined ? {} : { input_tpm: input }),
    ...(output === undefined ? {} : { output_tpm: output }),
    ...(concurrent === undefined ? {} : { concurrent }),
  };
}
