/** What the figures mean for whoever has to decide: whether to use a learned router, and whether any routing pays. */
import type { Random } from '../core/clock.ts';
import type { Interval } from './bootstrap.ts';
import { beats, type Measured, measure, type Row, type Split, winInterval } from './compare.ts';
import { byHeuristic, byLearning, type Router } from './routers.ts';

export interface Win {
  /** APGR of the learned router less that of the default. */
  readonly interval: Interval;
  /** More than chance, on prompts that it has not learnt from. */
  readonly use: boolean;
}

/**
 * Over the tests of all splits together, which must have no prompt in common. `undefined` where the strong model is no better there, so that
 * there is nothing to win.
 */
export function winOf(splits: readonly Split[], random: Random): Win | undefined {
  const pooled = (make: (training: Split['training']) => Router): Measured => {
    const parts = splits.map(({ training, test }) => measure(make(training), test));
    return {
      scores: parts.flatMap(({ scores }) => scores),
      outcomes: parts.flatMap(({ outcomes }) => outcomes),
    };
  };
  const learned = pooled((training) => byLearning(training, random));
  const interval = winInterval(learned, pooled(byHeuristic), random);
  return interval === undefined ? undefined : { interval, use: beats(learned, interval) };
}

/** Saves less than this: not worth a second model. */
const leastSaved = 0.05;

/** Sentences for a person, each true of the figures by itself. */
export function adviceOf(rows: readonly Row[], win: Win | undefined): readonly string[] {
  const row = (name: string): Row | undefined => rows.find(({ router }) => router === name);
  const [weak, strong] = [row('always cheap'), row('always strong')];
  if (weak === undefined || strong === undefined) return [];
  if (strong.accuracy <= weak.accuracy)
    return ['The strong model is no better here: send everything to the cheap one.'];
  const advice: string[] = [];
  if (win !== undefined) advice.push(adviceOnLearning(win));
  for (const name of ['learned', 'heuristic', 'cascade']) {
    const one = row(name);
    if (one !== undefined) advice.push(adviceOnCost(one));
  }
  return advice;
}

function adviceOnLearning({ interval, use }: Win): string {
  const by = `${signed(interval.low)} to ${signed(interval.high)} APGR against the heuristic (95 %)`;
  if (use) return `The learned router beats the default on what it has not seen: ${by}.`;
  return `Do not use the learned router here: it does not beat the default for sure, ${by}. Keep the heuristic.`;
}

function adviceOnCost({ router, equalCost, equalShare }: Row): string {
  const what =
    router === 'cascade'
      ? 'The cascade'
      : `Routing by ${router === 'learned' ? 'what is learnt' : 'the heuristic'}`;
  if (equalCost === undefined || equalCost >= 1)
    return `${what} does not pay: to be within a point of the strong model it costs as much as the strong model alone, or more.`;
  const told = `within a point of the strong model at ${percent(equalShare ?? 1)} strong calls and ${percent(equalCost)} of its cost`;
  if (equalCost > 1 - leastSaved) return `${what} hardly pays: ${told}.`;
  return `${what} is ${told}.`;
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
