/**
 * What each route's cascade goes by now: the threshold that its `accept` rule gives, and what a raw score is worth. Learnt from the labels in
 * the store, off every request's path: a request reads what was learnt last. The labels looked at are the newest, bounded, and of one span of
 * time for both kinds, since accepted answers are labelled far more seldom than escalated ones.
 */
import type { Clock } from '../../core/clock.ts';
import { present } from '../../core/present.ts';
import type { Label, LabelStore } from '../../stores/routing/contract.ts';
import { type Calibration, calibrate, heldOutError } from './calibration.ts';
import { conformalThreshold, fairSample } from './conformal.ts';
import type { AcceptRule, Cascade, CascadeVerdict, CascadeView } from './contract.ts';
import type { Scored } from './scored.ts';
import { nextThreshold } from './spend-share.ts';

/** What an answer is judged by. */
export interface InForce {
  readonly threshold: number;
  readonly calibration?: Calibration;
}

/** What labels teach. */
export interface Learnt {
  readonly threshold: number;
  readonly labels: number;
  readonly calibration?: Calibration;
  readonly error?: number;
  readonly agreement?: number;
  readonly cheapNanoUsd?: number;
  readonly strongNanoUsd?: number;
}

interface Known {
  cascade: Cascade;
  learnt: Learnt;
  accepted: number;
  escalated: number;
  /** Labels in the store when it was learnt. */
  seen: number;
}

const refreshMs = 60_000;
/** Labels of one kind that are read; those of escalations are many, and thinned after. */
const mostAudits = 2_000;
const mostEscalations = 10_000;
/** The newest, for the curve: more would hardly better it, and cost the other requests of this process milliseconds. */
const mostScored = 1_500;
/** More than any config has; the one unused longest is forgotten. */
const mostRoutes = 1_000;

export interface ThresholdsWorld {
  readonly labels: LabelStore;
  readonly clock: Clock;
  onTrouble(error: unknown): void;
}

export class Thresholds {
  readonly #world: ThresholdsWorld;
  readonly #known = new Map<string, Known>();
  #cancel: (() => void) | undefined;
  #learning: Promise<void> | undefined;
  #closed = false;

  constructor(world: ThresholdsWorld) {
    this.#world = world;
  }

  of(route: string, cascade: Cascade): InForce {
    const { threshold, calibration } = this.#find(route, cascade).learnt;
    return calibration === undefined ? { threshold } : { threshold, calibration };
  }

  /** Once for each answer that was judged. */
  heard(route: string, cascade: Cascade, { accepted }: Pick<CascadeVerdict, 'accepted'>): void {
    const known = this.#find(route, cascade);
    if (accepted) known.accepted += 1;
    else known.escalated += 1;
    if (cascade.accept.kind !== 'spend-share') return;
    const threshold = nextThreshold(known.learnt.threshold, cascade.accept.share, !accepted);
    known.learnt = { ...known.learnt, threshold };
  }

  views(): readonly CascadeView[] {
    return [...this.#known].map(([route, { learnt, accepted, escalated }]) => {
      const { calibration, ...rest } = learnt;
      const points = calibration === undefined ? {} : { points: calibration.points };
      return { route, accepted, escalated, ...rest, ...points };
    });
  }

  /** Learns of all routes in use. By itself once a minute; one at a time. */
  refresh(): Promise<void> {
    this.#learning ??= this.#learnAll().finally(() => {
      this.#learning = undefined;
    });
    return this.#learning;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#learning;
  }

  #find(route: string, cascade: Cascade): Known {
    const known = this.#known.get(route);
    if (known !== undefined) {
      if (known.cascade !== cascade) this.#replace(known, cascade);
      return known;
    }
    const oldest = this.#known.size >= mostRoutes ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
    const made: Known = {
      cascade,
      learnt: { threshold: firstOf(cascade.accept), labels: 0 },
      accepted: 0,
      escalated: 0,
      seen: -1,
    };
    this.#known.set(route, made);
    // A gateway that has just begun should not judge by its first guess for a whole minute.
    void this.refresh();
    return made;
  }

  /** After a reload. What was learnt of scores stays where scores still come from the same source. */
  #replace(known: Known, cascade: Cascade): void {
    const { calibration, ...rest } = known.learnt;
    const sameRule = JSON.stringify(known.cascade.accept) === JSON.stringify(cascade.accept);
    const sameSource = known.cascade.confidence.from === cascade.confidence.from;
    known.learnt = {
      ...rest,
      ...(sameRule ? {} : { threshold: firstOf(cascade.accept) }),
      ...(calibration === undefined || !sameSource ? {} : { calibration }),
    };
    known.cascade = cascade;
    known.seen = -1;
  }

  async #learnAll(): Promise<void> {
    this.#cancel?.();
    for (const [route, known] of this.#known) {
      try {
        await this.#learn(route, known);
      } catch (thrown) {
        this.#world.onTrouble(thrown);
      }
    }
    if (!this.#closed) this.#cancel = this.#world.clock.after(refreshMs, () => void this.refresh());
  }

  async #learn(route: string, known: Known): Promise<void> {
    const { labels } = this.#world;
    const count = await labels.count({ route });
    if (count === known.seen) return;
    const [audits, escalations] = await Promise.all([
      labels.list({ route, kind: 'audit' }, mostAudits),
      labels.list({ route, kind: 'escalation' }, mostEscalations),
    ]);
    const sinceMs = Math.max(startOf(audits, mostAudits), startOf(escalations, mostEscalations));
    const both = [...audits, ...escalations].filter(({ atMs }) => atMs >= sinceMs);
    known.learnt = learn(both, known.cascade, known.learnt.threshold);
    known.seen = count;
  }
}

/** Where a list was cut off, it speaks for no time before its last label. */
function startOf(labels: readonly Label[], most: number): number {
  return labels.length < most ? 0 : (labels.at(-1)?.atMs ?? 0);
}

/** What labels of one span of time teach. `threshold`: the one in force, which labels do not change where it is held otherwise. */
export function learn(labels: readonly Label[], cascade: Cascade, threshold: number): Learnt {
  const { accept, auditShare, calibrateAfter } = cascade;
  const newest = labels.toSorted((one, other) => other.atMs - one.atMs);
  const scored = newest.flatMap(scoreOf).slice(0, mostScored);
  // A curve that has not seen the scores that are accepted would say of them what it knows of the others.
  const audited = scored.filter(({ raw }) => raw >= firstOf(accept)).length >= calibrateAfter;
  const calibration = audited ? calibrate(scored) : undefined;
  const audits = labels.filter(({ kind }) => kind === 'audit');
  return {
    threshold: accept.kind === 'auto' ? autoThreshold(labels, accept, auditShare, calibrateAfter) : threshold,
    labels: labels.length,
    ...present({
      calibration,
      error: calibration === undefined ? undefined : heldOutError(scored, calibration.method),
      agreement: meanOf(audits, ({ agreed }) => Number(agreed)),
      cheapNanoUsd: meanOf(labels, (label) => label.cheapNanoUsd),
      strongNanoUsd: meanOf(labels, (label) => label.strongNanoUsd),
    }),
  };
}

function meanOf(labels: readonly Label[], read: (label: Label) => number): number | undefined {
  if (labels.length === 0) return undefined;
  return labels.reduce((sum, label) => sum + read(label), 0) / labels.length;
}

function autoThreshold(
  labels: readonly Label[],
  accept: Extract<AcceptRule, { kind: 'auto' }>,
  auditShare: number,
  least: number,
): number {
  const sample = fairSample(labels, auditShare).map(({ confidence, agreed }) =>
    confidence === undefined ? { agreed } : { raw: confidence, agreed },
  );
  if (sample.length < least) return accept.first;
  return conformalThreshold(sample, accept) ?? accept.first;
}

function scoreOf({ confidence, agreed }: Label): Scored[] {
  return confidence === undefined ? [] : [{ raw: confidence, agreed }];
}

function firstOf(accept: AcceptRule): number {
  return accept.kind === 'fixed' ? accept.confidence : accept.first;
}
