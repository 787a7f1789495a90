/**
 * Trains a scorer on labelled prompts: ridge regression of what the strong model was worth on each, over nearness to landmarks and over
 * buckets. Ridge and not logistic regression, since worth has three values (the strong model alone is right, both or neither are, the cheap one
 * alone is) and it is their mean that decides where a call to it pays. Takes well under a second for a few thousand labels.
 */
import type { Random } from '../../core/clock.ts';
import { fitChance } from './chance.ts';
import type { Features } from './features.ts';
import { heuristicOf } from './heuristic.ts';
import { type Model, ModelReader, nearness, standardise, width } from './model.ts';
import { bucketCount } from './scan.ts';
import { cholesky, conjugateGradients, solveLower, solveUpper } from './solve.ts';

export interface Example {
  readonly features: Features;
  /** 1: the strong model is right and the cheap one wrong; -1: the other way round; 0: they are alike. */
  readonly worth: number;
}

export interface TrainOptions {
  /** Cost of large weights; more for fewer or noisier labels. */
  readonly ridge: number;
  /** Of the buckets beside the landmarks. */
  readonly wordShare: number;
}

export const usualOptions: TrainOptions = { ridge: 20, wordShare: 1 };

/** More than these added little on labelled sets, and each costs time at every decision. */
const mostLandmarks = 128;
/** Below this a measure that hardly changes on a route would be blown up by the smallest difference. */
const leastSpread = 0.05;
/** Of the learnt prompts are less near to a landmark than what counts as familiar. */
const unusualShare = 0.05;
const folds = 5;

/** Throws `RangeError` where there is nothing to learn from. */
export function train(
  examples: readonly Example[],
  random: Random,
  options: TrainOptions = usualOptions,
): Model {
  if (examples.length < 2) throw new RangeError('There are no labels to learn from.');
  const order = shuffled(examples, random);
  const fitted = fit(order, options);
  const outside = outOfFold(order, options);
  return {
    ...fitted,
    ...fitChance(
      outside,
      order.map(({ worth }) => (worth > 0 ? 1 : 0)),
    ),
  };
}

type Fitted = Omit<Model, 'slope' | 'offset'>;

/** What each example is given by a model that has not learnt from it, standardised as that model’s own. */
function outOfFold(order: readonly Example[], options: TrainOptions): readonly number[] {
  const values = new Array<number>(order.length).fill(0);
  if (order.length < 2 * folds) return values;
  for (let fold = 0; fold < folds; fold++) {
    const model = fit(
      order.filter((_, at) => at % folds !== fold),
      options,
    );
    const reader = new ModelReader({ ...model, slope: 1, offset: 0 });
    for (let at = fold; at < order.length; at += folds) {
      const example = order[at];
      if (example === undefined) continue;
      values[at] = (reader.readFeatures(example.features).value - model.valueMean) / model.valueSpread;
    }
  }
  return values;
}

function fit(order: readonly Example[], { ridge, wordShare }: TrainOptions): Fitted {
  const { mean, spread } = spreads(order.map(({ features }) => features.measures));
  const points = order.map(({ features }) => {
    const point = new Float64Array(width);
    standardise(features.measures, mean, spread, point);
    return point;
  });
  const count = Math.min(mostLandmarks, order.length);
  const landmarks = new Float64Array(count * width);
  for (let landmark = 0; landmark < count; landmark++) {
    const point = points[landmark];
    if (point !== undefined) landmarks.set(point, landmark * width);
  }
  const near = points.map((point) =>
    Float64Array.from({ length: count }, (_, at) => nearness(point, landmarks, at * width)),
  );
  const lower = rootOf(near, count);
  const base = order.reduce((sum, { worth }) => sum + worth, 0) / order.length;
  const rows = order.map(({ features, worth }, at) => {
    const kernel = (near[at] ?? new Float64Array(count)).slice();
    solveLower(lower, count, kernel);
    return {
      kernel,
      buckets: features.buckets,
      word: wordShare / Math.sqrt(Math.max(1, features.buckets.length)),
      worth: worth - base,
    };
  });
  const weights = solveRidge(rows, count, ridge);
  const landmarkWeights = weights.slice(0, count);
  solveUpper(lower, count, landmarkWeights);
  const bucketWeights = weights.slice(count).map((weight) => weight * wordShare);
  const bare = {
    base,
    mean,
    spread,
    landmarks,
    landmarkWeights,
    bucketWeights,
    usualNearness: usualOf(near, count),
  };
  return { ...bare, ...scales(bare, order) };
}

interface Row {
  readonly kernel: Float64Array;
  readonly buckets: Readonly<Uint16Array>;
  /** The value of each of its buckets. */
  readonly word: number;
  readonly worth: number;
}

/** Minimises the squared error plus `ridge` times the squared weights. */
function solveRidge(rows: readonly Row[], count: number, ridge: number): Float64Array {
  const length = count + bucketCount;
  const add = (into: Float64Array, { kernel, buckets, word }: Row, times: number): void => {
    for (let at = 0; at < count; at++) into[at] = (into[at] ?? 0) + times * (kernel[at] ?? 0);
    for (const bucket of buckets) into[count + bucket] = (into[count + bucket] ?? 0) + times * word;
  };
  const rowValue = (weights: Float64Array, { kernel, buckets, word }: Row): number => {
    let sum = 0;
    for (let at = 0; at < count; at++) sum += (weights[at] ?? 0) * (kernel[at] ?? 0);
    let words = 0;
    for (const bucket of buckets) words += weights[count + bucket] ?? 0;
    return sum + words * word;
  };
  const wanted = new Float64Array(length);
  for (const row of rows) add(wanted, row, row.worth);
  return conjugateGradients((weights) => {
    const result = weights.map((weight) => weight * ridge);
    for (const row of rows) add(result, row, rowValue(weights, row));
    return result;
  }, wanted);
}

/** So that alike landmarks do not make the matrix singular. */
const jitter = 1e-3;

/** The root of the landmarks’ nearness to one another, by which weights are measured as the kernel has them. */
function rootOf(near: readonly Float64Array[], count: number): Float64Array {
  const matrix = new Float64Array(count * count);
  for (let row = 0; row < count; row++)
    for (let column = 0; column < count; column++)
      matrix[row * count + column] = (near[row]?.[column] ?? 0) + (row === column ? jitter : 0);
  cholesky(matrix, count);
  return matrix;
}

/** Of those that are no landmarks themselves; of few prompts all are, and nothing is told unusual. */
function usualOf(near: readonly Float64Array[], count: number): number {
  const nearest = near
    .slice(count)
    .map((one) => one.reduce((most, value) => Math.max(most, value), 0))
    .sort((a, b) => a - b);
  return Math.max(1e-6, nearest[Math.floor(nearest.length * unusualShare)] ?? 1e-6);
}

function spreads(all: readonly Readonly<Float64Array>[]): {
  readonly mean: Float64Array;
  readonly spread: Float64Array;
} {
  const mean = new Float64Array(width);
  const spread = new Float64Array(width);
  for (let at = 0; at < width; at++) {
    const { mean: middle, spread: wide } = meanAndSpread(all.map((measures) => measures[at] ?? 0));
    mean[at] = middle;
    spread[at] = Math.max(leastSpread, wide);
  }
  return { mean, spread };
}

function meanAndSpread(values: readonly number[]): { readonly mean: number; readonly spread: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, spread: Math.sqrt(square) };
}

function scales(
  bare: Pick<
    Model,
    'base' | 'mean' | 'spread' | 'landmarks' | 'landmarkWeights' | 'bucketWeights' | 'usualNearness'
  >,
  order: readonly Example[],
): Pick<Model, 'valueMean' | 'valueSpread' | 'heuristicMean' | 'heuristicSpread'> {
  const unscaled = {
    valueMean: 0,
    valueSpread: 1,
    heuristicMean: 0,
    heuristicSpread: 1,
    slope: 1,
    offset: 0,
  };
  const reader = new ModelReader({ ...bare, ...unscaled });
  const value = meanAndSpread(order.map(({ features }) => reader.readFeatures(features).value));
  const heuristic = meanAndSpread(order.map(({ features }) => heuristicOf(features.measures).score));
  return {
    valueMean: value.mean,
    valueSpread: Math.max(1e-6, value.spread),
    heuristicMean: heuristic.mean,
    heuristicSpread: Math.max(1e-3, heuristic.spread),
  };
}

export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const mixed = [...values];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    const [a, b] = [mixed[at], mixed[other]];
    if (a === undefined || b === undefined) continue;
    mixed[at] = b;
    mixed[other] = a;
  }
  return mixed;
}
