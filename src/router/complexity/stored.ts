/**
 * A trained scorer as it is kept in a note, `scorer/ROUTE`: JSON of about 60 kB whatever it was learnt from, since a model has one size. What is in
 * the store was written by some version of this program; whatever this one cannot read is no scorer, and the heuristic stays.
 */
import { z } from 'zod';
import { measureNames, measuresVersion } from './measures.ts';
import type { Model } from './model.ts';
import { bucketCount } from './scan.ts';

export const notePrefix = 'scorer/';
const format = 1;
const width = measureNames.length;
const mostLandmarks = 1024;

/** Figures of a router on labels that it had not learnt from. */
const figuresShape = z.object({
  learned: z.number(),
  heuristic: z.number(),
  length: z.number(),
  /** Of the learned one less the heuristic, 95 %. */
  low: z.number(),
  high: z.number(),
});
export type Figures = z.output<typeof figuresShape>;

const trialShape = z.object({
  version: z.number().int().positive(),
  atMs: z.number(),
  labels: z.number(),
  heldOut: z.number(),
  /** Whether it was switched on. */
  on: z.boolean(),
  figures: figuresShape,
});
/** One training, and what came of it. */
export type Trial = z.output<typeof trialShape>;

const packed = z.string().max(8 * mostLandmarks * width);
const modelShape = z.object({
  base: z.number(),
  mean: packed,
  spread: packed,
  landmarks: packed,
  landmarkWeights: packed,
  bucketWeights: packed,
  usualNearness: z.number().positive(),
  valueMean: z.number(),
  valueSpread: z.number().positive(),
  heuristicMean: z.number(),
  heuristicSpread: z.number().positive(),
  slope: z.number(),
  offset: z.number(),
});

const noteShape = z.object({
  format: z.literal(format),
  measures: z.literal(measuresVersion),
  last: trialShape,
  active: z.object({ trial: trialShape, model: modelShape }).optional(),
});

export interface StoredScorer {
  /** The latest training, on or not. */
  readonly last: Trial;
  /** What scores now; absent: the heuristic does. */
  readonly active?: { readonly trial: Trial; readonly model: Model };
}

export function writeScorer({ last, active }: StoredScorer): object {
  const stored = active && { trial: active.trial, model: writeModel(active.model) };
  return { format, measures: measuresVersion, last, ...(stored === undefined ? {} : { active: stored }) };
}

/** `undefined`: it is of another version, or damaged. */
export function readScorer(value: unknown): StoredScorer | undefined {
  const read = noteShape.safeParse(value);
  if (!read.success) return undefined;
  const { last, active } = read.data;
  if (active === undefined) return { last };
  const model = readModel(active.model);
  return model === undefined ? undefined : { last, active: { trial: active.trial, model } };
}

function writeModel(model: Model): z.output<typeof modelShape> {
  return {
    ...model,
    mean: packNumbers(model.mean),
    spread: packNumbers(model.spread),
    landmarks: packNumbers(model.landmarks),
    landmarkWeights: packNumbers(model.landmarkWeights),
    bucketWeights: packNumbers(model.bucketWeights),
  };
}

function readModel(stored: z.output<typeof modelShape>): Model | undefined {
  const model: Model = {
    ...stored,
    mean: unpackNumbers(stored.mean),
    spread: unpackNumbers(stored.spread),
    landmarks: unpackNumbers(stored.landmarks),
    landmarkWeights: unpackNumbers(stored.landmarkWeights),
    bucketWeights: unpackNumbers(stored.bucketWeights),
  };
  const fits =
    model.mean.length === width &&
    model.spread.length === width &&
    model.spread.every((spread) => spread > 0) &&
    model.landmarks.length === model.landmarkWeights.length * width &&
    model.bucketWeights.length === bucketCount &&
    [model.mean, model.landmarks, model.landmarkWeights, model.bucketWeights].every((all) =>
      all.every(Number.isFinite),
    );
  return fits ? model : undefined;
}

/** Of single precision: more than labels can tell. */
function packNumbers(numbers: Readonly<Float64Array>): string {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [at, value] of numbers.entries()) bytes.writeFloatLE(value, 4 * at);
  return bytes.toString('base64');
}

function unpackNumbers(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  return Float64Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(4 * at));
}
