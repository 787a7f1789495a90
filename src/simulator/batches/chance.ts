/** Which rule a job falls under, and what happens to it by chance: of the plan's seed, the job and the item, so that a run can be repeated. */
import { matchesPattern } from '../../core/pattern.ts';
import { type BatchRule, batchRuleSchema, type FaultPlan } from '../faults.ts';

/** One for each thing that may happen, so that they happen apart from one another. */
const dice = {
  createError: 1,
  lostCreate: 2,
  validation: 3,
  stuck: 4,
  expireJob: 5,
  poll: 6,
  when: 7,
  fate: 8,
  corrupt: 9,
  duplicate: 10,
  shuffle: 11,
  form: 12,
} as const;
export type Die = keyof typeof dice;

/** Uniform in [0, 1): a mix of integers by MurmurHash3's steps. */
export function roll(seed: number, die: Die, job: number, item = 0): number {
  let hash = seed | 0;
  for (const part of [dice[die], job, item]) {
    let mixed = Math.imul(part | 0, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    hash ^= mixed;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

const noRule = batchRuleSchema.parse({});

export interface Rules {
  /** The rule that a new job falls under; one of its `times` is used up. */
  take(instance: string, model: string): BatchRule;
  /** The one that would be taken. */
  find(instance: string, model: string): BatchRule;
  /** The first that throttles polls, one of its `times` used up if it does so. */
  throttle(instance: string, model: string, chance: number): BatchRule | undefined;
}

export function createRules(plan: FaultPlan): Rules {
  const jobsLeft = plan.batches.map((rule) => rule.times ?? Number.POSITIVE_INFINITY);
  const pollsLeft = [...jobsLeft];
  const index = (instance: string, model: string, left: readonly number[]): number =>
    plan.batches.findIndex(
      (rule, at) =>
        (left[at] ?? 0) > 0 && matchesPattern(rule.provider, instance) && matchesPattern(rule.model, model),
    );
  return {
    take(instance, model) {
      const at = index(instance, model, jobsLeft);
      if (at >= 0) jobsLeft[at] = (jobsLeft[at] ?? 0) - 1;
      return plan.batches[at] ?? noRule;
    },
    find: (instance, model) => plan.batches[index(instance, model, jobsLeft)] ?? noRule,
    throttle(instance, model, chance) {
      const at = index(instance, model, pollsLeft);
      const rule = plan.batches[at];
      if (rule === undefined || chance * 100 >= rule.poll_throttle) return undefined;
      pollsLeft[at] = (pollsLeft[at] ?? 0) - 1;
      return rule;
    },
  };
}
