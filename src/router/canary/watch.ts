/**
 * Watches the canaries of the routes: counts what comes of both arms, asks the gates at a steady pace, and rolls back. A rollback holds in
 * this process at once, whether or not it can be written down; it is written until it is, and the other replicas read it.
 *
 * Until it is known how a canary stands, all of its route’s requests take the usual chain.
 */
import type { Clock } from '../../core/clock.ts';
import type { NoteStore } from '../../stores/routing/contract.ts';
import type { Considered, Route } from '../contract.ts';
import type { WalkResult } from '../progress.ts';
import { armOf, placeOf } from './arm.ts';
import type { Arm, Canary, CanaryEvents, CanaryState } from './contract.ts';
import { SlidingFigures } from './figures.ts';
import { type GateReading, judge, whyOf } from './gates.ts';
import { type BothArms, CanaryNotes } from './notes.ts';
import { type CanaryRecord, shareOf, stateAt } from './phase.ts';
import { sampleOf } from './sample.ts';

export interface WatchInput {
  readonly notes: NoteStore;
  readonly clock: Clock;
  readonly routes: () => readonly Route[];
  /** Names this process among the replicas. */
  readonly replica: string;
  readonly events: CanaryEvents;
}

/** How a canary stands, for `/health` and metrics. */
export interface CanaryReport {
  readonly route: string;
  readonly state: CanaryState;
  /** Of the requests that it gets now. */
  readonly share: number;
  readonly gates: readonly GateReading[];
}

interface Watched {
  readonly route: string;
  readonly canary: Canary;
  record: CanaryRecord | undefined;
  figures: SlidingFigures;
  readings: readonly GateReading[];
  /** The phase, or what else it was, when it was last told. */
  told: string;
  /** The rollback is not written down yet. */
  unwritten: boolean;
}

/** Looks in one window: often enough to act well within it. */
const looksAWindow = 30;
const shortestLookMs = 200;
/** Also how long the others take to hear of a rollback, at most. */
const longestLookMs = 10_000;

export class CanaryWatch {
  readonly #input: WatchInput;
  readonly #notes: CanaryNotes;
  #watched = new Map<string, Watched>();
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(input: WatchInput) {
    this.#input = input;
    this.#notes = new CanaryNotes(input.notes);
  }

  /** At the start, and after each reload: takes up what is new, and drops what is gone. */
  async refresh(): Promise<void> {
    const before = this.#watched;
    this.#watched = new Map();
    for (const { name, canary } of this.#input.routes()) {
      if (canary === undefined) continue;
      const known = before.get(name);
      this.#watched.set(name, known?.canary.id === canary.id ? { ...known, canary } : watch(name, canary));
    }
    this.#cancel();
    await this.#look();
  }

  arm(request: Considered, route: Route): Arm {
    const { canary } = route;
    const watched = this.#watched.get(route.name);
    const record = watched?.record;
    // A request that came before a reload goes by a canary that is no longer watched.
    if (canary === undefined || record === undefined || watched?.canary.id !== canary.id) return 'usual';
    const share = shareOf(stateAt(canary, record, this.#input.clock.now()));
    if (share <= 0) return 'usual';
    return share >= 1 ? 'canary' : armOf(placeOf(route.name, canary, request), share);
  }

  /** A request is over. */
  ended(result: WalkResult): void {
    const route = result.decided?.first.route;
    if (route?.canary === undefined) return;
    const watched = this.#watched.get(route.name);
    if (watched === undefined || watched.canary.id !== route.canary.id) return;
    const sample = sampleOf(result);
    if (sample !== undefined) watched.figures.add(sample, this.#input.clock.now());
  }

  /** An answer of the canary was compared with one of the usual chain. */
  compared(route: Route, agreed: boolean): void {
    const watched = this.#watched.get(route.name);
    if (watched?.canary.id === route.canary?.id) watched?.figures.compare(agreed, this.#input.clock.now());
  }

  list(): readonly CanaryReport[] {
    const nowMs = this.#input.clock.now();
    return [...this.#watched.values()].flatMap(({ route, canary, record, readings }) => {
      if (record === undefined) return [];
      const state = stateAt(canary, record, nowMs);
      return [{ route, state, share: shareOf(state), gates: readings }];
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#looking;
  }

  /** One look after another, and never two at once. */
  #look(): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      if (this.#closed) return;
      this.#cancel();
      for (const watched of this.#watched.values())
        await this.#lookAt(watched).catch((thrown: unknown) =>
          this.#input.events.trouble(thrown, watched.route),
        );
      if (this.#closed || this.#watched.size === 0) return;
      this.#cancel = this.#input.clock.after(this.#paceMs(), () => void this.#look());
    });
    return this.#looking;
  }

  #paceMs(): number {
    const windows = [...this.#watched.values()].map(({ canary }) => canary.gates.windowMs);
    return Math.min(longestLookMs, Math.max(shortestLookMs, Math.min(...windows) / looksAWindow));
  }

  async #lookAt(watched: Watched): Promise<void> {
    const { canary } = watched;
    const nowMs = this.#input.clock.now();
    try {
      await this.#readRecord(watched, nowMs);
    } finally {
      // Out of the store’s reach, what was known stays, and the gates are asked about what this replica has seen.
      if (watched.record !== undefined) {
        const state = stateAt(canary, watched.record, nowMs);
        if (state.kind === 'running') await this.#judge(watched, watched.record, nowMs);
        else watched.readings = [];
        this.#tell(watched, stateAt(canary, watched.record, nowMs), undefined);
      }
    }
    if (watched.unwritten) await this.#writeRollback(watched);
  }

  async #readRecord(watched: Watched, nowMs: number): Promise<void> {
    const { route, canary, record: known } = watched;
    if (watched.unwritten) await this.#writeRollback(watched);
    const record = await this.#notes.change(
      route,
      canary.id,
      nowMs,
      (before) => before ?? { id: canary.id, startedAtMs: nowMs },
    );
    // Begun again by hand: what was counted before is of the time before.
    if (known !== undefined && record?.startedAtMs !== known.startedAtMs)
      watched.figures = new SlidingFigures(canary.gates.windowMs);
    watched.record = record;
  }

  async #judge(watched: Watched, record: CanaryRecord, nowMs: number): Promise<void> {
    const { route, canary, figures } = watched;
    const { windowMs } = canary.gates;
    const own = { canary: figures.figures('canary', nowMs), usual: figures.figures('usual', nowMs) };
    let both: BothArms = own;
    try {
      both = await this.#notes.share({ route, record, windowMs, own, nowMs, replica: this.#input.replica });
    } catch (thrown) {
      this.#input.events.trouble(thrown, route);
    }
    watched.readings = judge(canary.gates, both.canary, both.usual, both.old);
    const failed = watched.readings.find(({ verdict }) => verdict === 'fails');
    if (failed === undefined) return;
    watched.record = { ...record, rolledBack: { why: whyOf(failed), atMs: nowMs } };
    watched.unwritten = true;
    this.#tell(watched, stateAt(canary, watched.record, nowMs), failed.gate);
  }

  async #writeRollback(watched: Watched): Promise<void> {
    const { route, canary, record } = watched;
    const rolledBack = record?.rolledBack;
    if (record === undefined || rolledBack === undefined) return;
    await this.#notes.change(route, canary.id, rolledBack.atMs, (before) =>
      // Meanwhile begun again or promoted by hand: they know of what we saw, and want it so.
      before?.startedAtMs !== record.startedAtMs ||
      before.rolledBack !== undefined ||
      before.promotedAtMs !== undefined
        ? before
        : { ...before, rolledBack },
    );
    watched.unwritten = false;
  }

  #tell(watched: Watched, state: CanaryState, gate: GateReading['gate'] | undefined): void {
    const text = state.kind === 'running' ? `phase ${state.phase}` : state.kind;
    if (watched.told === text) return;
    watched.told = text;
    this.#input.events.changed(watched.route, state, gate);
  }
}

function watch(route: string, canary: Canary): Watched {
  const figures = new SlidingFigures(canary.gates.windowMs);
  return { route, canary, record: undefined, figures, readings: [], told: '', unwritten: false };
}
