/**
 * How long each target takes to answer: for streams until their first content, which is what their callers wait for, else until the whole
 * answer. Each kind by itself, smoothed; the longer a target was not measured, the more the next answer counts.
 *
 * A target that is not asked is not measured, and one that once was slow would never be asked again. So where nothing is known of a target
 * lately, a small share of the requests goes to it first. Which ones is drawn from the request, so that deciding stays without effects.
 */
import type { Clock } from '../../core/clock.ts';
import type { Target } from '../chain/contract.ts';
import type { AttemptRecord, Considered } from '../contract.ts';
import { Recent } from './recent.ts';

/** Clients may name targets themselves; far more than any config has, twice for the two kinds. */
const mostTargets = 8_192;
/** Of one answer among many that come one after another: the last dozen count. */
const leastWeight = 0.15;
/** After so long without an answer, the next one counts for two thirds. */
const fadeMs = 60_000;
/** Older is not known. */
const staleMs = 60_000;
/** Of requests, to each target that was not measured lately. What it costs is bounded by it, should that target be the slowest. */
const exploreShare = 0.03;

interface Speed {
  readonly ms: number;
  readonly atMs: number;
}

export class Speeds {
  readonly #clock: Clock;
  readonly #speeds = new Recent<Speed>(mostTargets);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Refusals are quick and say nothing; a timeout took at least as long as it took. */
  observe(request: Considered, target: Target, { outcome, code, durationMs, firstMs }: AttemptRecord): void {
    if (outcome !== 'served' && outcome !== 'cut' && code !== 'upstream_timeout') return;
    const name = nameOf(request, target);
    const atMs = this.#clock.now();
    const ms = firstMs ?? durationMs;
    const before = this.#speeds.get(name);
    if (before === undefined) {
      this.#speeds.set(name, { ms, atMs });
      return;
    }
    const weight = Math.max(leastWeight, 1 - Math.exp((before.atMs - atMs) / fadeMs));
    this.#speeds.set(name, { ms: before.ms + weight * (ms - before.ms), atMs });
  }

  /** 0: this request is to find out. */
  speedMs(target: Target, request: Considered): number | undefined {
    const speed = this.#speeds.get(nameOf(request, target));
    const fresh = speed !== undefined && this.#clock.now() - speed.atMs < staleMs;
    if (!fresh && explores(request)) return 0;
    // Something is better than nothing: old figures keep a target in its place until there are new ones. Never 0, which says otherwise.
    return speed === undefined ? undefined : Math.max(0.001, speed.ms);
  }
}

/** Another cut through the draw than the one that places requests in weighted steps. */
function explores({ draw }: Considered): boolean {
  const place = draw * 997;
  return place - Math.floor(place) < exploreShare;
}

function nameOf({ facts }: Considered, { name }: Target): string {
  return facts.operation === 'chat' ? (facts.stream ? `stream ${name}` : name) : `${facts.operation} ${name}`;
}
