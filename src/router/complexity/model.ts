/**
 * What a trained scorer computes, from the measures and buckets of a prompt: how much the strong model is expected to be worth there.
 *
 *     value = base + Σ weight of each landmark × how near the prompt is to it + mean weight of its buckets
 *
 * Landmarks are prompts that it has learnt from (their measures alone). Nearness is exp(-d²/width), with d² the mean squared difference of the
 * standardised measures; so the value bends with the measures, which a sum of weights over them could not, and far from all landmarks nothing
 * is claimed: `familiar` falls to 0, and the heuristic’s word stands.
 */
import type { Features } from './features.ts';
import { measureNames } from './measures.ts';

export const width = measureNames.length;
/** Standardised measures beyond this say no more than this. */
const farthest = 4;

export interface Model {
  readonly base: number;
  /** Of each measure over what was learnt from. */
  readonly mean: Readonly<Float64Array>;
  readonly spread: Readonly<Float64Array>;
  /** One after the other, standardised. */
  readonly landmarks: Readonly<Float64Array>;
  readonly landmarkWeights: Readonly<Float64Array>;
  readonly bucketWeights: Readonly<Float64Array>;
  /** Nearness to the nearest landmark that all but a few of the learnt prompts have. */
  readonly usualNearness: number;
  /** Of the values and of the heuristic’s scores over what was learnt from. */
  readonly valueMean: number;
  readonly valueSpread: number;
  readonly heuristicMean: number;
  readonly heuristicSpread: number;
  /** The chance that the strong model is right and the cheap one wrong is logistic(slope × standardised value + offset). */
  readonly slope: number;
  readonly offset: number;
}

export function standardise(
  measures: Readonly<Float64Array>,
  mean: Readonly<Float64Array>,
  spread: Readonly<Float64Array>,
  into: Float64Array,
): void {
  for (let at = 0; at < width; at++) {
    const off = ((measures[at] ?? 0) - (mean[at] ?? 0)) / (spread[at] ?? 1);
    into[at] = off > farthest ? farthest : off < -farthest ? -farthest : off;
  }
}

/** Of a standardised prompt to one of the landmarks. */
export function nearness(point: Float64Array, landmarks: Readonly<Float64Array>, from: number): number {
  let sum = 0;
  for (let at = 0; at < width; at++) {
    const off = (point[at] ?? 0) - (landmarks[from + at] ?? 0);
    sum += off * off;
  }
  return Math.exp(-sum / width);
}

export interface Reading {
  /** What the strong model is expected to be worth; of no scale by itself. */
  readonly value: number;
  /** From 0, unlike all that was learnt from, to 1. */
  readonly familiar: number;
}

/** Reads one prompt after the other; its buffer is used again. */
export class ModelReader {
  readonly #model: Model;
  readonly #point = new Float64Array(width);

  constructor(model: Model) {
    this.#model = model;
  }

  read(measures: Readonly<Float64Array>, buckets: Readonly<Uint16Array>, bucketsUsed: number): Reading {
    const { mean, spread, landmarks, landmarkWeights, bucketWeights, usualNearness, base } = this.#model;
    const point = this.#point;
    standardise(measures, mean, spread, point);
    let value = base;
    let nearest = 0;
    for (let landmark = 0; landmark < landmarkWeights.length; landmark++) {
      const near = nearness(point, landmarks, landmark * width);
      value += (landmarkWeights[landmark] ?? 0) * near;
      if (near > nearest) nearest = near;
    }
    let words = 0;
    for (let at = 0; at < bucketsUsed; at++) words += bucketWeights[buckets[at] ?? 0] ?? 0;
    if (bucketsUsed > 0) value += words / Math.sqrt(bucketsUsed);
    return { value, familiar: Math.min(1, nearest / usualNearness) ** 2 };
  }

  readFeatures({ measures, buckets }: Features): Reading {
    return this.read(measures, buckets, buckets.length);
  }
}

export function logistic(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** The normal distribution’s share below a standardised value, nearly: steep enough that 0.9 is passed by about a tenth. */
const steepness = 1.702;

export interface Score {
  readonly score: number;
  /** The learnt part and the heuristic’s, each as about the share of the learnt prompts that it is above. */
  readonly learnt: number;
  readonly heuristic: number;
  readonly familiar: number;
  /** That the strong model is right and the cheap one wrong. */
  readonly chance: number;
}

/** The learnt value where the prompt is familiar, the heuristic’s score where it is not, and between the two between them. */
export function scoreOf(model: Model, { value, familiar }: Reading, heuristicScore: number): Score {
  const standardised = (value - model.valueMean) / model.valueSpread;
  const plain = (heuristicScore - model.heuristicMean) / model.heuristicSpread;
  const learnt = logistic(steepness * standardised);
  const heuristic = logistic(steepness * plain);
  return {
    score: familiar * learnt + (1 - familiar) * heuristic,
    learnt,
    heuristic,
    familiar,
    chance: logistic(model.slope * (familiar * standardised) + model.offset),
  };
}
