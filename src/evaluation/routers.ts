/** The routers that are compared: each gives every prompt of a test a score, from what was known before it. */
import type { Random } from '../core/clock.ts';
import { fitChance } from '../router/complexity/chance.ts';
import type { Features } from '../router/complexity/features.ts';
import { heuristicOf } from '../router/complexity/heuristic.ts';
import { measureNames } from '../router/complexity/measures.ts';
import { logistic, ModelReader, scoreOf } from '../router/complexity/model.ts';
import { type Example, train } from '../router/complexity/train.ts';
import { type Outcome, worthOf } from './metrics.ts';

/** One labelled prompt. */
export interface Sample {
  readonly id: string;
  /** Which task it belongs to, where that is known. */
  readonly domain?: string;
  readonly features: Features;
  readonly outcome: Outcome;
  /** In the weak answer, where it is known: 1 or 0 where a second cheap model was asked and agreed or not. */
  readonly confidence?: number;
  /** Of the answers, where known; a router’s price is compared to that of the strong model alone. */
  readonly costs?: { readonly weak: number; readonly strong: number };
}

/** What a router says of one prompt. */
export interface Said {
  /** Higher goes to the strong model first. */
  readonly score: number;
  /** That the strong model is right and the cheap one wrong, where the router claims to know. */
  readonly chance?: number;
}

export interface Router {
  readonly name: string;
  readonly say: (sample: Sample) => Said;
}

export const exampleOf = ({ features, outcome }: Sample): Example => ({ features, worth: worthOf(outcome) });

const wordsAt = measureNames.indexOf('words');

/** By how many words a prompt has, with chances as they were in training. */
export function byLength(training: readonly Sample[]): Router {
  return calibrated('length', training, ({ features }) => features.measures[wordsAt] ?? 0);
}

/** By the heuristic that routes begin with. */
export function byHeuristic(training: readonly Sample[]): Router {
  return calibrated('heuristic', training, ({ features }) => heuristicOf(features.measures).score);
}

function calibrated(name: string, training: readonly Sample[], scoreFor: (sample: Sample) => number): Router {
  const scores = training.map(scoreFor);
  const mean = scores.reduce((sum, score) => sum + score, 0) / Math.max(1, scores.length);
  const spread =
    Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / Math.max(1, scores.length)) || 1;
  const standard = (score: number): number => (score - mean) / spread;
  const { slope, offset } = fitChance(scores.map(standard), training.map(isWorthIt));
  return {
    name,
    say(sample) {
      const score = scoreFor(sample);
      return training.length === 0
        ? { score }
        : { score, chance: logistic(slope * standard(score) + offset) };
    },
  };
}

const isWorthIt = ({ outcome }: Sample): number => (worthOf(outcome) > 0 ? 1 : 0);

export function byChance(random: Random): Router {
  return { name: 'random', say: () => ({ score: random() }) };
}

/** As if so many prompts of the mean had been seen of each task. */
const priorSamples = 20;

/** By what the strong model was worth on the prompt’s task: what naming the task alone would give. */
export function byTask(training: readonly Sample[]): Router {
  const sums = new Map<string, { worth: number; positive: number; count: number }>();
  let [worth, positive] = [0, 0];
  for (const sample of training) {
    worth += worthOf(sample.outcome);
    positive += isWorthIt(sample);
    const sum = sums.get(sample.domain ?? '') ?? { worth: 0, positive: 0, count: 0 };
    sum.worth += worthOf(sample.outcome);
    sum.positive += isWorthIt(sample);
    sum.count += 1;
    sums.set(sample.domain ?? '', sum);
  }
  const count = Math.max(1, training.length);
  return {
    name: 'task prior',
    say({ domain }) {
      const sum = sums.get(domain ?? '') ?? { worth: 0, positive: 0, count: 0 };
      const of = sum.count + priorSamples;
      return {
        score: (sum.worth + (priorSamples * worth) / count) / of,
        chance: (sum.positive + (priorSamples * positive) / count) / of,
      };
    },
  };
}

/** By what is learnt from the training prompts, as `intermodal train` does it. */
export function byLearning(training: readonly Sample[], random: Random): Router {
  const model = train(training.map(exampleOf), random);
  const reader = new ModelReader(model);
  return {
    name: 'learned',
    say({ features }) {
      return scoreOf(model, reader.readFeatures(features), heuristicOf(features.measures).score);
    },
  };
}

/** Sends on what the weak answer is least sure of; the heuristic decides between equals. Every prompt pays for the weak answer first. */
export function byConfidence(): Router {
  return {
    name: 'cascade',
    say: ({ confidence, features }) => ({
      score: 1 - (confidence ?? 0) + heuristicOf(features.measures).score / 1000,
    }),
  };
}

/** Knows what comes of each prompt: what nothing can beat. */
export function byOracle(): Router {
  return {
    name: 'oracle',
    say: ({ outcome }) => ({ score: worthOf(outcome), chance: worthOf(outcome) > 0 ? 1 : 0 }),
  };
}
