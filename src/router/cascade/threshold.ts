/**
 * What each route's cascade goes by now: the threshold that its `accept` rule gives, and what a raw score is worth. Learnt from the labels in
 * the store, off every request's path: a request reads what was learnt last. The labels looked at are the newest, bounded, and of one span of
 * time for both kinds, since accepted answers are labelled far more seldom than escalated ones.
 */
import type { Clock } from '../../core/clock.ts';
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

interface Known {
  cascade: Cascade;
  threshold: number;
  calibration: Calibration | undefined;
  error: number | undefined;
  agreement: number | undefined;
  /** Labels that it was learnt from. */
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
    const { threshold, calibration } = this.#find(route, cascade);
    return calibration === undefined ? { threshold } : { threshold, calibration };
  }

  /** Once for each answer that was judged. */
  heard(route: string, cascade: Cascade, { accepted }: Pick<CascadeVerdict, 'accepted'>): void {
    if (cascade.accept.kind !== 'spend-share') return;
    const known = this.#find(route, cascade);
    known.threshold = nextThreshold(known.threshold, cascade.accept.share, !accepted);
  }

  views(): readonly CascadeView[] {
    return [...this.#known].map(([route, { threshold, error, agreement }]) => ({
      route,
      threshold,
      ...(error === undefined ? {} : { error }),
      ...(agreement === undefined ? {} : { agreement }),
    }));
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
      threshold: firstOf(cascade.accept),
      calibration: undefined,
      error: undefined,
      agreement: undefined,
      seen: -1,
    };
    this.#known.set(route, made);
    // A gateway that has just begun should not judge by its first guess for a whole minute.
    void this.refresh();
    return made;
  }

  /** After a reload. What was learnt of scores stays where scores still come from the same source. */
  #replace(known: Known, cascade: Cascade): void {
    if (JSON.stringify(known.cascade.accept) !== JSON.stringify(cascade.accept))
      known.threshold = firstOf(cascade.accept);
    if (known.cascade.confidence.from !== cascade.confidence.from) known.calibration = undefined;
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
    Object.assign(known, learn(both, known.cascade, known.threshold), { seen: count });
  }
}

/** Where a list was cut off, it speaks for no time before its last label. */
function startOf(labels: readonly Label[], most: number): number {
  return labels.length < most ? 0 : (labels.at(-1)?.atMs ?? 0);
}

/** What labels of one span of time teach. `threshold`: the one in force, which labels do not change where it is held otherwise. */
export function learn(
  labels: readonly Label[],
  cascade: Cascade,
  threshold: number,
): Pick<Known, 'threshold' | 'calibration' | 'error' | 'agreement'> {
  const { accept, auditShare, calibrateAfter } = cascade;
  const newest = labels.toSorted((one, other) => other.atMs - one.atMs);
  const scored = newest.flatMap(scoreOf).slice(0, mostScored);
  // A curve that has not seen the scores that are accepted would say of them what it knows of the others.
  const audited = scored.filter(({ raw }) => raw >= firstOf(accept)).length >= calibrateAfter;
  const calibration = audited ? calibrate(scored) : undefined;
  const audits = labels.filter(({ kind }) => kind === 'audit');
  return {
    threshold: accept.kind === 'auto' ? autoThreshold(labels, accept, auditShare, calibrateAfter) : threshold,
    calibration,
    error: calibration === undefined ? undefined : heldOutError(scored, calibration.method),
    agreement: audits.length === 0 ? undefined : audits.filter(({ agreed }) => agreed).length / audits.length,
  };
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
