/** What limits, budgets and prices say of the rest of a config: what is misspelt there would silently not apply. */
import { asArray, asObject } from '../core/json.ts';
import { parseTarget, writeTarget } from '../core/target.ts';
import type { Problem } from './problem.ts';
import { show } from './seen.ts';
import { suggest } from './suggest.ts';

interface Check {
  /** `undefined`: the section cannot be read, so nothing can be said of names. */
  readonly providers: readonly string[] | undefined;
  readonly routes: readonly string[];
  /** Of every chain. */
  readonly targets: readonly string[];
  readonly problems: Problem[];
}

export function checkCapacity(
  root: Readonly<Record<string, unknown>>,
  providers: readonly string[] | undefined,
  problems: Problem[],
): void {
  const routes = asObject(root['routes']);
  const targets = Object.values(routes).flatMap((route) => [...targetsIn(route)]);
  const check: Check = { providers, routes: Object.keys(routes), targets, problems };
  for (const section of ['limits', 'prices'] as const) {
    for (const key of Object.keys(asObject(root[section]))) checkName(section, key, check);
  }
  checkBudgets(asArray(root['budgets']), check);
}

type Section = 'limits' | 'prices';

/** Everything that may be a target, in chains, splits and rules alike. */
function* targetsIn(value: unknown, depth = 0): Generator<string> {
  if (typeof value === 'string') yield value;
  // A route nests five levels: rules, chain, step, split, option.
  else if (depth < 8 && typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) yield* targetsIn(inner, depth + 1);
}

function checkName(section: Section, key: string, { providers, targets, problems }: Check): void {
  const complain = (message: string, fix: string): void => {
    problems.push({ path: [section, key], atKey: true, message, fix });
  };
  const slash = key.indexOf('/');
  const provider = slash < 0 ? key : key.slice(0, slash);
  if (providers?.includes(provider) === false) {
    const meant = targets.find((target) => target.endsWith(`/${key}`));
    complain(
      `unknown provider ${show(provider)}`,
      meant === undefined ? suggest(provider, providers, 'Configured') : `Did you mean "${meant}"?`,
    );
    return;
  }
  const whole = section === 'limits' ? `, or ${provider} for all its models` : '';
  const parsed = parseTarget(key);
  if (slash < 0 && section === 'limits' && !key.includes('*')) return;
  if (key.includes('*'))
    complain(`"${key}" is a pattern, and ${section} are of one model`, `Write ${provider}/model${whole}.`);
  else if (parsed === undefined) complain(`"${key}" names no model`, `Write ${provider}/model${whole}.`);
  else if (parsed.mode !== 'sync')
    complain(
      `"${key}" names a mode`,
      `Write ${writeTarget({ ...parsed, mode: 'sync' })}; ${modeFix[section]}.`,
    );
}

const modeFix = {
  limits: 'limits of the batch API stand under its batch',
  prices: 'its batch and flex are shares of the price',
} as const;

/** Budgets of what is not there would never be charged; two of one owner would share a counter. */
function checkBudgets(budgets: readonly unknown[], { providers, routes, problems }: Check): void {
  const seen = new Map<string, number>();
  for (const [index, written] of budgets.entries()) {
    const budget = asObject(written);
    const { scope } = budget;
    if (typeof scope !== 'string') continue;
    const owner = budget[scope];
    const known = scope === 'provider' ? providers : scope === 'route' ? routes : undefined;
    if (typeof owner === 'string' && owner !== '*' && known?.includes(owner) === false)
      problems.push({
        path: ['budgets', index, scope],
        message: `unknown ${scope} ${show(owner)}`,
        fix: suggest(owner, known, 'Configured'),
      });
    for (const period of ['daily', 'weekly', 'monthly', 'per_batch']) {
      if (budget[period] === undefined) continue;
      const name = JSON.stringify([scope, owner, period, budget['hard'] ?? true]);
      const first = seen.get(name);
      if (first === undefined) seen.set(name, index);
      else
        problems.push({
          path: ['budgets', index, period],
          message: `budgets[${first}] has a ${period} cap for ${scope}${typeof owner === 'string' ? ` ${owner}` : ''} already`,
          fix: 'Keep one of them.',
        });
    }
  }
}
