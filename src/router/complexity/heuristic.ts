/**
 * The score that every route begins with: named parts, each in [0, 1], weighted and summed. It promises little. Most of it is the length of
 * what is asked, which is the one sign that held on every set of labelled prompts that it was tried on; the other parts move it a little, and
 * are there to be weighted by whoever knows their traffic. What a route’s own labels say is for `trained.ts`.
 */
import {
  type Complexity,
  type ComplexityPart,
  type ComplexityPolicy,
  type PartName,
  type Prompt,
  partNames,
  type Scorer,
} from './contract.ts';
import { measureNames } from './measures.ts';
import { Scan } from './scan.ts';

type Measures = Readonly<Float64Array>;

interface Part {
  readonly weight: number;
  value(measures: Measures): number;
}

const places = new Map(measureNames.map((name, index) => [name, index]));

/** Counts are measured as log(1 + count). `most`: from this count on the part is 1. */
function counted(name: string, most: number): (measures: Measures) => number {
  const place = places.get(name) ?? 0;
  const whole = 1 / Math.log1p(most);
  return (measures) => Math.min(1, (measures[place] ?? 0) * whole);
}

function larger(...parts: readonly ((measures: Measures) => number)[]): (measures: Measures) => number {
  return (measures) => Math.max(...parts.map((part) => part(measures)));
}

/** Weights sum to 1, so that a part’s weight is the most that it can add to the score. */
export const heuristicParts = {
  length: { weight: 0.36, value: counted('words', 700) },
  variety: { weight: 0.2, value: counted('distinct', 300) },
  structure: {
    weight: 0.1,
    value: larger(counted('commas', 40), counted('sentences', 40), counted('lines', 80)),
  },
  relations: {
    weight: 0.08,
    value: counted('class:relations', 25),
  },
  constraints: {
    weight: 0.05,
    value: counted('class:constraints', 25),
  },
  reasoning: {
    weight: 0.05,
    value: counted('class:reasoning', 12),
  },
  numbers: { weight: 0.06, value: counted('numbers', 40) },
  math: { weight: 0.04, value: counted('mathSigns', 60) },
  code: {
    weight: 0.02,
    value: larger(counted('braces', 60), counted('indented', 40)),
  },
  questions: { weight: 0.01, value: counted('questions', 8) },
  conversation: { weight: 0.02, value: counted('messages', 40) },
  tools: {
    weight: 0.01,
    value: (measures) => measures[places.get('tools') ?? 0] ?? 0,
  },
} as const satisfies Readonly<Record<PartName, Part>>;

/** The score of what was measured, with the weights of a route over the usual ones. All weights 0: nothing is hard. */
export function heuristicOf(
  measures: Measures,
  weights: ComplexityPolicy['weights'] = {},
): { readonly score: number; readonly parts: readonly ComplexityPart[] } {
  let sum = 0;
  let whole = 0;
  const shown = partNames.map((name): ComplexityPart => {
    const part = heuristicParts[name];
    const weight = weights[name] ?? part.weight;
    const value = part.value(measures);
    sum += weight * value;
    whole += weight;
    return { name, value, weight };
  });
  return { score: whole === 0 ? 0 : sum / whole, parts: shown };
}

export function createHeuristic(weights: ComplexityPolicy['weights'] = {}): Scorer {
  const scan = new Scan();
  return {
    name: 'heuristic',
    score(prompt: Prompt): Complexity {
      scan.read(prompt);
      return { ...heuristicOf(scan.measures, weights), scorer: 'heuristic' };
    },
  };
}
