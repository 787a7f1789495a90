/**
 * Routers side by side, on prompts that none of them has learnt from. Training and test are split once or several times; a row’s figures are the
 * means over the splits, and its interval is drawn over the prompts of the first.
 */
import type { Random } from '../core/clock.ts';
import { present } from '../core/present.ts';
import { bootstrap, type Interval } from './bootstrap.ts';
import { apgrOf, aurocOf, cptOf, curveOf, eceOf, type Outcome, worthOf } from './metrics.ts';
import {
  byChance,
  byConfidence,
  byHeuristic,
  byLearning,
  byLength,
  byOracle,
  byTask,
  type Router,
  type Sample,
} from './routers.ts';

export interface Split {
  readonly training: readonly Sample[];
  readonly test: readonly Sample[];
}

export interface RowInput {
  /** What a strong call costs beside a weak one, where the data do not say. */
  readonly priceRatio: number;
  /** The share of strong calls at which accuracy and cost are told. */
  readonly share: number;
  /** What a cascade’s second opinion costs, of a weak answer; 0 where its confidence comes with the answer. */
  readonly opinion: number;
  /** For telling what a decision takes. Microseconds. */
  readonly clockUs: () => number;
  /** What reading a prompt takes, beside. */
  readonly readUs?: number;
}

export interface Row {
  readonly router: string;
  /** Of the answers, with this share of strong calls. */
  readonly accuracy: number;
  readonly strongShare: number;
  /** Of the cost of the strong model alone. */
  readonly cost: number;
  /** Absent where one model answers everything: there is no order. */
  readonly apgr?: number;
  readonly interval?: Interval;
  readonly cpt50?: number;
  readonly cpt80?: number;
  readonly auroc?: number;
  readonly ece?: number;
  /** Where its curve first is within a point of the strong model’s accuracy. */
  readonly equalShare?: number;
  readonly equalCost?: number;
  readonly decisionUs?: number;
}

export interface Measured {
  readonly scores: readonly number[];
  readonly outcomes: readonly Outcome[];
}

/** Over the curve of what a router says of a test; `undefined` where the strong model is no better there. */
export function apgr({ scores, outcomes }: Measured): number | undefined {
  const curve = curveOf(scores, outcomes);
  return curve === undefined ? undefined : apgrOf(curve);
}

export function apgrInterval({ scores, outcomes }: Measured, random: Random): Interval | undefined {
  return bootstrap(scores.length, (drawn) => apgr(drawnFrom({ scores, outcomes }, drawn)), random);
}

/** Nearer than this to random order, an order is worth nothing, whatever it beats. */
const leastApgr = 0.53;

/** Whether the first router is to take the second’s place: better by more than chance, and good for something. */
export function beats(first: Measured, interval: Interval | undefined): boolean {
  return interval !== undefined && interval.low > 0 && (apgr(first) ?? 0) >= leastApgr;
}

/** Of the difference between two routers on the same prompts: what tells whether one beats the other. */
export function winInterval(first: Measured, second: Measured, random: Random): Interval | undefined {
  return bootstrap(
    first.scores.length,
    (drawn) => {
      const [a, b] = [apgr(drawnFrom(first, drawn)), apgr(drawnFrom(second, drawn))];
      return a === undefined || b === undefined ? undefined : a - b;
    },
    random,
  );
}

function drawnFrom({ scores, outcomes }: Measured, drawn: readonly number[]): Measured {
  return {
    scores: drawn.map((at) => scores[at] ?? 0),
    outcomes: drawn.flatMap((at) => outcomes[at] ?? []),
  };
}

export function measure(router: Router, test: readonly Sample[]): Measured {
  return {
    scores: test.map((sample) => router.say(sample).score),
    outcomes: test.map(({ outcome }) => outcome),
  };
}

/** Those that the data allow. */
export function routersFor(split: Split, random: Random): readonly Router[] {
  const { training, test } = split;
  const domains = new Set(test.map(({ domain }) => domain));
  return [
    byChance(random),
    byLength(training),
    byHeuristic(training),
    ...(domains.size > 1 ? [byTask(training)] : []),
    ...(training.length >= 2 ? [byLearning(training, random)] : []),
    ...(test.every(({ confidence }) => confidence !== undefined) && test.length > 0 ? [byConfidence()] : []),
    byOracle(),
  ];
}

export function compare(splits: readonly Split[], input: RowInput, random: Random): readonly Row[] {
  const rows = splits.map((split, at) => rowsOf(split, input, random, at === 0));
  const [first] = rows;
  if (first === undefined) return [];
  return first.map((row, at) =>
    meanOf(
      row,
      rows.flatMap((one) => one[at] ?? []),
    ),
  );
}

function rowsOf(split: Split, input: RowInput, random: Random, sure: boolean): readonly Row[] {
  const { test } = split;
  const costs = costsOf(test, input.priceRatio);
  const accuracyOf = (kind: keyof Outcome): number =>
    test.reduce((sum, { outcome }) => sum + Number(outcome[kind]), 0) / Math.max(1, test.length);
  return [
    { router: 'always cheap', accuracy: accuracyOf('weak'), strongShare: 0, cost: costs.weak / costs.strong },
    { router: 'always strong', accuracy: accuracyOf('strong'), strongShare: 1, cost: 1 },
    ...routersFor(split, random).map((router) =>
      rowOf(router, test, input, costs, sure ? random : undefined),
    ),
  ];
}

interface Costs {
  readonly weak: number;
  readonly strong: number;
}

/** Of all prompts, by each model. */
function costsOf(test: readonly Sample[], priceRatio: number): Costs {
  if (test.length === 0 || test.some(({ costs }) => costs === undefined))
    return { weak: test.length || 1, strong: (test.length || 1) * priceRatio };
  const sum = (kind: keyof Costs): number => test.reduce((all, { costs }) => all + (costs?.[kind] ?? 0), 0);
  return { weak: sum('weak'), strong: Math.max(sum('strong'), Number.MIN_VALUE) };
}

const readsText = new Set(['length', 'heuristic', 'learned']);

/** How much worse than the strong model alone still counts as equal. */
const onePoint = 0.01;

/** `random`: its interval is wanted. */
function rowOf(
  router: Router,
  test: readonly Sample[],
  input: RowInput,
  costs: Costs,
  random: Random | undefined,
): Row {
  const startUs = input.clockUs();
  const said = test.map((sample) => router.say(sample));
  const decisionUs =
    (input.clockUs() - startUs) / Math.max(1, test.length) +
    (readsText.has(router.name) ? (input.readUs ?? 0) : 0);
  const measured = { scores: said.map(({ score }) => score), outcomes: test.map(({ outcome }) => outcome) };
  const positive = measured.outcomes.map((outcome) => worthOf(outcome) > 0);
  const curve = curveOf(measured.scores, measured.outcomes);
  const chances = said.flatMap(({ chance }) => chance ?? []);
  const weakRight = measured.outcomes.filter(({ weak }) => weak).length;
  const gap = measured.outcomes.reduce((sum, outcome) => sum + worthOf(outcome), 0);
  const recovered = curve === undefined ? 0 : recoveredAt(curve, input.share);
  const costAt = costOf(router, costs, input.opinion);
  const equal = curve?.find((point) => point.recovered >= 1 - (onePoint * test.length) / gap);
  return {
    router: router.name,
    accuracy: (weakRight + recovered * gap) / Math.max(1, test.length),
    strongShare: input.share,
    cost: costAt(input.share),
    ...present({
      apgr: curve && apgrOf(curve),
      cpt50: curve && cptOf(curve, 0.5),
      cpt80: curve && cptOf(curve, 0.8),
      interval: curve && random && apgrInterval(measured, random),
      auroc: aurocOf(measured.scores, positive),
      ece: chances.length === said.length ? eceOf(chances, positive) : undefined,
      equalShare: equal?.share,
      equalCost: equal && costAt(equal.share),
    }),
    decisionUs,
  };
}

/** Of all-strong. A router calls one of the two; a cascade the weak one always, for what is sent on in vain. */
function costOf(router: Router, { weak, strong }: Costs, opinion: number): (share: number) => number {
  if (router.name === 'cascade') return (share) => ((1 + opinion) * weak + share * strong) / strong;
  return (share) => ((1 - share) * weak + share * strong) / strong;
}

function recoveredAt(curve: NonNullable<ReturnType<typeof curveOf>>, share: number): number {
  for (let at = 1; at < curve.length; at++) {
    const [from, to] = [curve[at - 1], curve[at]];
    if (from === undefined || to === undefined || to.share < share) continue;
    const part = to.share > from.share ? (share - from.share) / (to.share - from.share) : 0;
    return from.recovered + part * (to.recovered - from.recovered);
  }
  return 1;
}

const figures = ['apgr', 'cpt50', 'cpt80', 'auroc', 'ece', 'equalCost', 'equalShare', 'decisionUs'] as const;

/** The interval stays the first’s: how far one split may be off. */
function meanOf(first: Row, rows: readonly Row[]): Row {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const kept: { -readonly [Key in (typeof figures)[number]]?: number } = {};
  for (const figure of figures) {
    const values = rows.flatMap((row) => row[figure] ?? []);
    if (values.length === rows.length) kept[figure] = mean(values);
  }
  return {
    router: first.router,
    accuracy: mean(rows.map(({ accuracy }) => accuracy)),
    strongShare: first.strongShare,
    cost: mean(rows.map(({ cost }) => cost)),
    ...kept,
    ...(first.interval === undefined ? {} : { interval: shifted(first.interval, kept.apgr, first.apgr) }),
  };
}

/** About the mean of all splits. */
function shifted(interval: Interval, to: number | undefined, from: number | undefined): Interval {
  const by = (to ?? 0) - (from ?? 0);
  return { low: interval.low + by, high: interval.high + by };
}
