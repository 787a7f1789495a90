/**
 * Classification with known truth: a prompt names the right label and the choices, `[[label:billing|billing,technical,sales]]`, and how often a
 * model finds it is in the plan (`answers`). So a cascade can be measured end to end: what it costs, how often it is right, and what a stated
 * confidence is worth.
 *
 * Every prompt has a difficulty of its own, the same for all models, and a model is right with a probability that falls from near 1 to near 0 about
 * the point where its skill ends. That probability is the confidence that it states, pushed towards 1 by `overconfident`.
 * All is drawn from the seed, the model and the prompt, so that a question asked twice is answered twice the same.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { matchesPattern } from '../core/pattern.ts';

export const skillSchema = z.strictObject({
  provider: z.string().default('*').describe('Instance name, a pattern.'),
  model: z.string().default('*').describe('A pattern.'),
  right: z.number().min(0).max(1).describe('Share of labelled prompts that it answers rightly.'),
  overconfident: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('How far its stated confidence is pushed from the true one towards 1.'),
});

export type Skill = z.output<typeof skillSchema>;

export interface Classified {
  readonly label: string;
  /** As the model states it. */
  readonly confidence: number;
}

/** How sharply prompts part into those that a model can do and those that it cannot. */
const steepness = 20;

export function skillOf(skills: readonly Skill[], provider: string, model: string): Skill | undefined {
  return skills.find(
    (skill) => matchesPattern(skill.provider, provider) && matchesPattern(skill.model, model),
  );
}

/** `undefined`: the prompt is not labelled. */
export function classify(
  prompt: string,
  model: string,
  { right, overconfident }: Skill,
  seed: number,
): Classified | undefined {
  const marked = /\[\[label:([^|\]]+)\|([^\]]+)\]\]/.exec(prompt);
  const truth = marked?.[1];
  const others = marked?.[2]?.split(',').filter((label) => label !== truth);
  if (truth === undefined || others === undefined) return undefined;
  const chance = chanceOf(draw(seed, 'difficulty', prompt), right);
  const isRight = draw(seed, model, prompt) < chance;
  const wrong = others[Math.floor(draw(seed, `${model} wrong`, prompt) * others.length)];
  return {
    label: isRight ? truth : (wrong ?? truth),
    confidence: Math.round((chance + (1 - chance) * overconfident) * 1_000) / 1_000,
  };
}

/** Of a prompt so hard, for a model that is right on a share of all. */
function chanceOf(difficulty: number, right: number): number {
  if (right === 0 || right === 1) return right;
  const reach = reachOf(right);
  return 1 / (1 + Math.exp(steepness * (difficulty - reach)));
}

/** Where a model's skill must end, so that over all difficulties it is right as often as was asked for. */
function reachOf(right: number): number {
  let low = -2;
  let high = 3;
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    if (meanChance(middle) < right) low = middle;
    else high = middle;
  }
  return low;
}

const meanChance = (reach: number): number =>
  (Math.log1p(Math.exp(steepness * reach)) - Math.log1p(Math.exp(steepness * (reach - 1)))) / steepness;

/** In [0, 1). */
function draw(seed: number, of: string, prompt: string): number {
  return hash('sha256', `${seed}\n${of}\n${prompt}`, 'buffer').readUInt32BE(0) / 2 ** 32;
}
