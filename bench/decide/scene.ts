/** A route with every kind of rule over a chain of ten targets, a world that knows of each of them, and requests that pass all rules. */
import { createCalibration } from '../../src/catalog/calibration.ts';
import { capabilities } from '../../src/core/capability.ts';
import type { Step, Target } from '../../src/router/chain/contract.ts';
import type { Scorer } from '../../src/router/complexity/contract.ts';
import type { Condition, Considered, Order, Route } from '../../src/router/contract.ts';
import type { World } from '../../src/router/decide.ts';
import { call, model, route, target } from '../../test/support/router.ts';

const targets: readonly Target[] = Array.from({ length: 10 }, (_, index) =>
  target(`provider-${index}/model-${index}`, {
    model: model({ id: `model-${index}`, capabilities: new Set(capabilities), contextTokens: 128_000 }),
    price: { tiers: [{ aboveInputTokens: 0, rates: { input: 100 + 37 * ((index * 7) % 10), output: 400 } }] },
  }),
);

const single = (index: number): Step => ({ options: optionsOf(index) });
const optionsOf = (...indices: readonly number[]): Step['options'] =>
  indices.flatMap((index) => {
    const one = targets[index];
    return one === undefined ? [] : [{ target: one, weight: 10 + index }];
  });

/** Ten targets: six alone, and two places that two share. */
const chain: readonly Step[] = [
  { options: optionsOf(0, 1) },
  single(2),
  single(3),
  { options: optionsOf(4, 5) },
  single(6),
  single(7),
  single(8),
  single(9),
];

/** Each kind alone, none of which holds; the last is all of them together, and the score is asked for. */
const conditions: readonly Condition[] = [
  { model: ['gpt-*', 'claude-*'] },
  { tags: ['nightly'] },
  { headers: { 'x-team': 'ads-*' } },
  { inputTokens: { min: 90_000 } },
  { maxOutputTokens: { min: 32_000 } },
  { needs: ['vision', 'tools'] },
  { stream: false },
  { priority: ['low'] },
  { deadline: { max: 1_000 } },
  { complexity: { min: 0.99 } },
];

export function routeFor(order: Order, withCanary: boolean): Route {
  return route([], {
    chain,
    rules: conditions.map((when, index) => ({ text: `rule ${index}`, when, chain: [single(index)] })),
    order,
    ...(withCanary
      ? {
          canary: {
            id: 'one',
            chain: [single(9), single(8)],
            by: 'key' as const,
            phases: [{ share: 0.5, forMs: 1 }],
            gates: { least: 50, windowMs: 1 },
          },
        }
      : {}),
  });
}

const words = 'Compare the two contracts, explain clause by clause who bears which risk, and say why. ';

export function requestOf(characters: number, draw: number): Considered {
  const text = words.repeat(Math.ceil(characters / words.length)).slice(0, characters);
  return {
    ...call(),
    facts: {
      ...call().facts,
      inputTokens: Math.ceil(characters / 4),
      maxOutputTokens: 500,
      needs: ['tools'],
    },
    tags: ['live', 'search'],
    headers: { 'x-team': 'search', 'user-agent': 'bench' },
    draw,
    budgetMs: 45_000,
    prompt: (most) => ({
      text: text.length <= most ? text : text.slice(0, most / 2) + text.slice(-most / 2),
      inputTokens: Math.ceil(characters / 4),
      messages: 1,
      tools: true,
    }),
  };
}

/** `sick`: every third target is cooling. */
export function worldOf(scorer: Scorer, sick: boolean): World {
  const estimates = createCalibration();
  const standing = new Map(
    targets.map(({ name }, index) => [
      name,
      sick && index % 3 === 1 ? ('cooling' as const) : ('ready' as const),
    ]),
  );
  const measured = new Map(targets.map(({ name }, index) => [name, ((index * 7) % 10) * 90 + 200]));
  return {
    view: (name) => ({ standing: standing.get(name) ?? 'ready', untilMs: 0 }),
    measures: {
      speedMs: ({ name }) => measured.get(name),
      room: ({ name }) => (measured.get(name) ?? 0) / 2_000,
      outputTokens: (own, { name }) => estimates.expectedOutput(`${own}|${name}`, 500),
    },
    scorer: () => scorer,
    arm: ({ draw }) => (draw < 0.5 ? 'canary' : 'usual'),
  };
}
