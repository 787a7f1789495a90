/**
 * What replicas know of canaries together, in notes. `canary/ROUTE` says since when each canary of the route has been going, and whether it was rolled
 * back or promoted. `canary-figures/ROUTE` holds what each replica has counted lately: gates look at the sum of it.
 *
 * The note of a route holds its latest canaries, not only the last: while a config is rolled out, replicas with the old one and replicas
 * with the new one would otherwise start their own anew in turns, and one that was rolled back would be tried again when it comes back.
 */
import { z } from 'zod';
import type { NoteStore } from '../../stores/routing/contract.ts';
import { type Figures, noFigures, sumOf } from './figures.ts';
import type { CanaryRecord } from './phase.ts';

const count = z.number().min(0);

const recordShape = z.object({
  id: z.string(),
  startedAtMs: z.number(),
  rolledBack: z.object({ why: z.string(), atMs: z.number() }).exactOptional(),
  promotedAtMs: z.number().exactOptional(),
});

const recordsShape = z.object({ canaries: z.array(recordShape) });

const figuresShape = z.object({
  requests: count,
  failed: count,
  durations: z.array(z.tuple([z.number(), count])),
  costs: z.object({ count, sum: count, squares: count }),
  compared: count,
  agreed: count,
});

const sharedShape = z.object({
  id: z.string(),
  startedAtMs: z.number(),
  /** Of the usual chain, from when it last had as many requests as it usually has. */
  reference: z.object({ atMs: z.number(), usual: figuresShape }).exactOptional(),
  replicas: z.record(z.string(), z.object({ atMs: z.number(), canary: figuresShape, usual: figuresShape })),
});

/** The latest canaries of a route that are remembered. */
const mostRecords = 8;
/** Replicas of one gateway; more are left out of the sum. */
const mostReplicas = 100;
/** Each try that comes too late has lost to somebody who came through. */
const mostTries = 10;
/** From here on what the window holds of the usual chain is enough; the same number as in `gates.ts`. */
const enoughUsual = 60;
/** How long more requests of earlier are better than fewer of now, in windows. */
const mostWindows = 4;

export interface BothArms {
  readonly canary: Figures;
  readonly usual: Figures;
  /** What is told of the usual chain is from before the window. */
  readonly old?: boolean;
}

export interface FiguresOf {
  readonly route: string;
  readonly record: CanaryRecord;
  readonly windowMs: number;
  readonly replica: string;
  readonly own: BothArms;
  readonly nowMs: number;
}

const recordsName = (route: string): string => `canary/${route}`;
const figuresName = (route: string): string => `canary-figures/${route}`;

export class CanaryNotes {
  readonly #notes: NoteStore;

  constructor(notes: NoteStore) {
    this.#notes = notes;
  }

  async read(route: string, id: string): Promise<CanaryRecord | undefined> {
    const note = await this.#notes.read(recordsName(route));
    return readRecords(note?.value).find((one) => one.id === id);
  }

  /** `change` is told what is kept and says what is to be kept; the same object or `undefined` leaves it. Returns what is kept then. */
  async change(
    route: string,
    id: string,
    nowMs: number,
    change: (before: CanaryRecord | undefined) => CanaryRecord | undefined,
  ): Promise<CanaryRecord | undefined> {
    for (let tries = 0; tries < mostTries; tries++) {
      const note = await this.#notes.read(recordsName(route));
      const records = readRecords(note?.value);
      const before = records.find((one) => one.id === id);
      const after = change(before);
      if (after === undefined || after === before) return before;
      const canaries = [...records.filter((one) => one.id !== id), after].slice(-mostRecords);
      if (await this.#notes.write(recordsName(route), { canaries }, note?.version ?? 0, nowMs)) return after;
    }
    throw new Error(`The note of the canary of route ${route} is written by too many at once.`);
  }

  /** Tells the others what this replica has counted; returns the sum of all. */
  async share(figures: FiguresOf): Promise<BothArms> {
    const { route, nowMs } = figures;
    for (let tries = 0; tries < mostTries; tries++) {
      const note = await this.#notes.read(figuresName(route));
      const shared = withOwn(readShared(note?.value), figures);
      const sum = sumShared(shared);
      const chosen = chooseUsual(sum, shared.reference, figures.windowMs, nowMs);
      const value = chosen.keep ? { ...shared, reference: { atMs: nowMs, usual: sum.usual } } : shared;
      if (await this.#notes.write(figuresName(route), value, note?.version ?? 0, nowMs))
        return chosen.now ? sum : withReference(sum, shared.reference);
    }
    throw new Error(`The figures of the canary of route ${route} are written by too many at once.`);
  }

  /** As they were last told, for a look from outside. */
  async figures(route: string, record: CanaryRecord, windowMs: number, nowMs: number): Promise<BothArms> {
    const note = await this.#notes.read(figuresName(route));
    const shared = fresh(readShared(note?.value), record, windowMs, nowMs);
    const sum = sumShared(shared);
    const chosen = chooseUsual(sum, shared.reference, windowMs, nowMs);
    return chosen.now ? sum : withReference(sum, shared.reference);
  }
}

/**
 * What the canary is compared with. As it takes more, the usual chain has less and less to show, and what it had before says more. But not for ever:
 * traffic changes by the hour.
 */
function chooseUsual(sum: BothArms, before: Shared['reference'], windowMs: number, nowMs: number) {
  const { requests } = sum.usual;
  const isNeeded = before === undefined || nowMs - before.atMs > mostWindows * windowMs;
  const isEnough = requests >= enoughUsual;
  return {
    now: isEnough && (isNeeded || requests >= before.usual.requests / 2),
    // Never by a little less each time, or it would dwindle as the window does.
    keep: isEnough && (isNeeded || requests >= before.usual.requests),
  };
}

function withReference(sum: BothArms, reference: Shared['reference']): BothArms {
  return reference === undefined ? sum : { canary: sum.canary, usual: reference.usual, old: true };
}

type Shared = z.output<typeof sharedShape>;

function readRecords(value: unknown): readonly CanaryRecord[] {
  return value === undefined ? [] : recordsShape.parse(value).canaries;
}

function readShared(value: unknown): Shared | undefined {
  return value === undefined ? undefined : sharedShape.parse(value);
}

/** What belongs to another canary, or to an earlier beginning of this one, is gone; so are replicas that are not heard of any more. */
function fresh(shared: Shared | undefined, record: CanaryRecord, windowMs: number, nowMs: number): Shared {
  const { id, startedAtMs } = record;
  if (shared === undefined || shared.id !== id) return { id, startedAtMs, replicas: {} };
  const again = shared.startedAtMs !== startedAtMs;
  const replicas = Object.entries(shared.replicas).filter(([, one]) => one.atMs > nowMs - windowMs);
  return { ...shared, startedAtMs, replicas: again ? {} : Object.fromEntries(replicas.slice(-mostReplicas)) };
}

function withOwn(shared: Shared | undefined, { record, windowMs, replica, own, nowMs }: FiguresOf): Shared {
  const kept = fresh(shared, record, windowMs, nowMs);
  return {
    ...kept,
    replicas: {
      ...kept.replicas,
      [replica]: { atMs: nowMs, canary: mutable(own.canary), usual: mutable(own.usual) },
    },
  };
}

function mutable(figures: Figures): Shared['replicas'][string]['canary'] {
  return { ...figures, durations: figures.durations.map(([step, times]) => [step, times]) };
}

function sumShared({ replicas }: Shared): {
  canary: Shared['replicas'][string]['canary'];
  usual: Shared['replicas'][string]['canary'];
} {
  const all = Object.values(replicas);
  if (all.length === 0) return { canary: mutable(noFigures), usual: mutable(noFigures) };
  return {
    canary: mutable(sumOf(all.map((one) => one.canary))),
    usual: mutable(sumOf(all.map((one) => one.usual))),
  };
}
