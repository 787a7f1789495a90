/** One entry of a chain: a target by name, or several that share the place by weight. Read by hand, since a union's errors help nobody. */
import { z } from 'zod';
import { isObject } from '../core/json.ts';
import { suggest } from './suggest.ts';

export interface WrittenOption {
  readonly target: string;
  readonly weight: number;
  /** Where the target's name stands, below the entry. */
  readonly at: readonly (string | number)[];
}

export interface WrittenStep {
  readonly options: readonly WrittenOption[];
}

/** `not`: what the value at the path fails to be; `message`: what is wrong where the value says nothing. */
type Wrong = { readonly not: string } | { readonly message: string };
type Complain = (wrong: Wrong, fix: string, path?: readonly (string | number)[]) => void;

const entryFix = 'Write provider/model, or {split: [{target: provider/model, weight: 80}, …]}.';
const optionFix = 'Write {target: provider/model, weight: 80}.';

function readOption(
  value: unknown,
  at: readonly (string | number)[],
  complain: Complain,
): WrittenOption | undefined {
  if (!isObject(value)) {
    complain({ not: 'a weighted target' }, optionFix, at);
    return undefined;
  }
  const { target, weight, ...rest } = value;
  for (const key of Object.keys(rest))
    complain({ message: `unknown key "${key}"` }, suggest(key, ['target', 'weight']), [...at, key]);
  if (typeof target !== 'string') {
    complain(
      target === undefined ? { message: '"target" is missing' } : { not: 'a text' },
      optionFix,
      target === undefined ? at : [...at, 'target'],
    );
    return undefined;
  }
  const amount = weight === undefined ? 1 : readWeight(weight);
  if (amount === undefined) {
    complain({ not: 'a weight' }, 'Write a number over 0.', [...at, 'weight']);
    return undefined;
  }
  return { target, weight: amount, at: [...at, 'target'] };
}

/** A variable fills in text, so a number may come as one. */
function readWeight(value: unknown): number | undefined {
  const weight = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof weight === 'number' && Number.isFinite(weight) && weight > 0 ? weight : undefined;
}

function readStep(value: unknown, complain: Complain): WrittenStep | undefined {
  if (typeof value === 'string') return { options: [{ target: value, weight: 1, at: [] }] };
  if (isObject(value) && 'target' in value) {
    const option = readOption(value, [], complain);
    return option === undefined ? undefined : { options: [option] };
  }
  if (!isObject(value) || !Array.isArray(value['split'])) {
    complain({ not: 'an entry of a chain' }, entryFix);
    return undefined;
  }
  for (const key of Object.keys(value))
    if (key !== 'split') complain({ message: `unknown key "${key}"` }, suggest(key, ['split']), [key]);
  if (value['split'].length === 0) complain({ message: 'the split is empty' }, entryFix, ['split']);
  const options = value['split'].map((one: unknown, index) => readOption(one, ['split', index], complain));
  return { options: options.filter((option) => option !== undefined) };
}

const step = z
  .unknown()
  .transform((value, context): WrittenStep => {
    const complain: Complain = (wrong, fix, path = []) => {
      const message = 'message' in wrong ? wrong.message : `not ${wrong.not}`;
      context.issues.push({
        code: 'custom',
        input: value,
        message,
        path: [...path],
        params: { ...wrong, fix },
      });
    };
    return readStep(value, complain) ?? { options: [] };
  })
  .meta({
    anyOf: [
      { type: 'string', pattern: '^[^/]+/.+$', description: 'provider/model' },
      {
        type: 'object',
        properties: {
          split: {
            type: 'array',
            minItems: 1,
            items: {
              type: 'object',
              properties: { target: { type: 'string' }, weight: { type: 'number', exclusiveMinimum: 0 } },
              required: ['target'],
              additionalProperties: false,
            },
          },
        },
        required: ['split'],
        additionalProperties: false,
      },
    ],
  });

export const chain = z
  .array(step)
  .min(1)
  .describe('Targets in order; each is tried only if it is capable, healthy and has room.');

/** A target, or a chain of them. */
export const oneOrChain = z
  .preprocess(
    (value) => (value === undefined || Array.isArray(value) ? value : [value]),
    z.array(step).min(1),
  )
  .meta({ oneOrMore: true });
