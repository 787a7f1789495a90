/**
 * What a forecast goes by: how far the rough estimate of input is off, how long answers get, how much of the input caches serve. It is what the ledger
 * has of the route and model, else of the model on other routes, else an assumption, and says which.
 */
import { createCalibration } from '../../catalog/calibration.ts';
import type { Target } from '../../router/chain/contract.ts';
import type { Route } from '../../router/contract.ts';
import type { UsageRow } from '../../stores/contract.ts';

/** `told`: by whoever asked. `route`: from answers of the route by that model. `model`: from those of other routes. `assumed`: nothing is known. */
export type Source = 'told' | 'route' | 'model' | 'assumed';

export interface Expected {
  /** Tokens of all answers to one request. */
  readonly outputTokens: number;
  readonly output: Source;
  /** Of the rough estimate of input. */
  readonly inputFactor: number;
  readonly input: Source;
  /** Share of the input that is read from a cache; absent: nobody knows. */
  readonly cachedShare?: number;
  /** Answers that it is learnt from. */
  readonly answers: number;
}

export interface Experience {
  /** How many the ledger has of a route by a model, in whatever mode. */
  answers(route: string, target: Target): number;
  of(route: Route, target: Target | undefined): Expected;
}

/** Fewer say more of themselves than of the next ones. */
const enoughAnswers = 20;

export function createExperience(rows: readonly UsageRow[], told?: number): Experience {
  const assumed = createCalibration().expectedOutput('');
  const known = new Map<string, Expected>();
  const look = (route: Route, target: Target | undefined): Expected => {
    const ofModel = rows.filter((row) => isOf(row, target));
    const ofRoute = ofModel.filter((row) => row.route === route.name);
    const here = enough(sumOf(ofRoute));
    const sums = here ?? enough(sumOf(ofModel));
    const source: Source = here !== undefined ? 'route' : sums !== undefined ? 'model' : 'assumed';
    const isRough = sums !== undefined && sums.roughInputTokens > 0 && sums.inputOfRoughTokens > 0;
    return {
      outputTokens: told ?? (sums === undefined ? assumed : sums.outputTokens / sums.answers),
      output: told === undefined ? source : 'told',
      inputFactor: isRough ? sums.inputOfRoughTokens / sums.roughInputTokens : 1,
      input: isRough ? source : 'assumed',
      ...(sums === undefined || sums.inputTokens === 0
        ? {}
        : { cachedShare: sums.cacheReadTokens / sums.inputTokens }),
      answers: sums?.answers ?? 0,
    };
  };
  return {
    answers: (route, target) => sumOf(rows.filter((row) => row.route === route && isOf(row, target))).answers,
    of(route, target) {
      const key = `${route.name}\n${target?.name ?? ''}`;
      const found = known.get(key) ?? look(route, target);
      known.set(key, found);
      return found;
    },
  };
}

/** In whatever mode: what a model answers does not depend on it. */
function isOf({ provider, model }: UsageRow, target: Target | undefined): boolean {
  return target !== undefined && target.provider === provider && target.model.id === model;
}

type Sums = Omit<UsageRow, 'route' | 'provider' | 'model'>;

const none: Sums = {
  answers: 0,
  inputTokens: 0,
  cacheReadTokens: 0,
  outputTokens: 0,
  roughInputTokens: 0,
  inputOfRoughTokens: 0,
};

function sumOf(rows: readonly UsageRow[]): Sums {
  return rows.reduce<Sums>(
    (sums, row) => ({
      answers: sums.answers + row.answers,
      inputTokens: sums.inputTokens + row.inputTokens,
      cacheReadTokens: sums.cacheReadTokens + row.cacheReadTokens,
      outputTokens: sums.outputTokens + row.outputTokens,
      roughInputTokens: sums.roughInputTokens + row.roughInputTokens,
      inputOfRoughTokens: sums.inputOfRoughTokens + row.inputOfRoughTokens,
    }),
    none,
  );
}

function enough(sums: Sums): Sums | undefined {
  return sums.answers >= enoughAnswers ? sums : undefined;
}
