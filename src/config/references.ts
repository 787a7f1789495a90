/**
 * What one part of a config says of another: targets name providers, aliases name nothing twice. Works on the file's own value, as far as
 * its shape allows, so that these problems are told together with those of the schema.
 */
import { asArray, asObject, isObject } from '../core/json.ts';
import { nearest } from '../core/nearest.ts';
import { modes, parseTarget } from '../core/target.ts';
import { checkCapacity } from './capacity-references.ts';
import type { Path, Problem } from './problem.ts';
import { type Seen, show } from './seen.ts';
import { suggest } from './suggest.ts';

interface Check {
  /** `undefined`: the section cannot be read, so nothing can be said of names. */
  readonly providers: readonly string[] | undefined;
  readonly seen: Seen;
  readonly problems: Problem[];
}

export function checkReferences(raw: unknown, seen: Seen, problems: Problem[]): void {
  const root = asObject(raw);
  const providers = isObject(root['providers']) ? Object.keys(root['providers']) : undefined;
  const check: Check = { providers, seen, problems };
  if (providers?.length === 0)
    problems.push({
      path: ['providers'],
      message: 'no provider is configured',
      fix: 'Add one, such as {openai: {type: openai}}.',
    });
  const routes = Object.entries(asObject(root['routes']));
  if (isObject(root['routes']) && routes.length === 0 && root['direct'] === false)
    problems.push({
      path: ['routes'],
      message: 'there is no route, and clients may not name targets themselves',
      fix: 'Add a route, or set direct to true.',
    });
  for (const [name, route] of routes) checkRoute(name, asObject(route), check);
  checkAliases(routes, problems);
  checkModels(asObject(root['models']), check);
  checkCapacity(root, providers, problems);
}

function checkRoute(name: string, route: Readonly<Record<string, unknown>>, check: Check): void {
  const path = ['routes', name];
  const pattern = name.includes('*');
  checkChain(route['chain'], [...path, 'chain'], pattern, check);
  const cascade = asObject(route['cascade']);
  const confidence = asObject(cascade['confidence']);
  checkChain(oneOrMany(cascade['escalate']), [...path, 'cascade', 'escalate'], pattern, check);
  checkChain(oneOrMany(confidence['with']), [...path, 'cascade', 'confidence', 'with'], pattern, check);
  checkChain(oneOrMany(confidence['by']), [...path, 'cascade', 'confidence', 'by'], pattern, check);
  checkChain(oneOrMany(asObject(route['canary'])['chain']), [...path, 'canary', 'chain'], pattern, check);
  for (const [index, written] of asArray(route['rules']).entries()) {
    const rule = asObject(written);
    const place = [...path, 'rules', index];
    checkChain(rule['chain'], [...place, 'chain'], pattern, check);
    if (isObject(rule['when']) && Object.keys(rule['when']).length === 0)
      check.problems.push({
        path: [...place, 'when'],
        message: 'the condition is empty, so the rule would take every request',
        fix: 'Name at least one condition, or use the route’s own chain.',
      });
  }
}

const oneOrMany = (value: unknown): unknown => (Array.isArray(value) ? value : [value]);

function checkChain(chain: unknown, path: Path, pattern: boolean, check: Check): void {
  for (const [index, step] of asArray(chain).entries()) {
    const place = [...path, index];
    if (typeof step === 'string') checkTarget(step, place, pattern, check);
    const { target, split } = asObject(step);
    if (typeof target === 'string') checkTarget(target, [...place, 'target'], pattern, check);
    for (const [position, option] of asArray(split).entries()) {
      const { target: named } = asObject(option);
      if (typeof named === 'string')
        checkTarget(named, [...place, 'split', position, 'target'], pattern, check);
    }
  }
}

const targetFix = 'Write provider/model.';

function checkTarget(name: string, path: Path, pattern: boolean, { providers, seen, problems }: Check): void {
  const complain = (message: string, fix: string): number => problems.push({ path, message, fix });
  const shown = seen(path, name);
  const parsed = parseTarget(name);
  if (parsed === undefined) {
    const one = providers?.length === 1 ? `Did you mean "${providers[0]}/${name}"?` : targetFix;
    complain(`${shown} is not a target`, name.includes('/') ? targetFix : one);
    return;
  }
  const { provider, model } = parsed;
  if (providers?.includes(provider) === false)
    complain(`unknown provider ${show(provider)}`, suggest(provider, providers, 'Configured'));
  // Vertex writes versions behind the same sign; a version has digits in it.
  const suffix = model.slice(model.lastIndexOf('@') + 1);
  if (model.includes('@') && /^[a-z]+$/.test(suffix) && suffix !== 'latest' && suffix !== 'default')
    complain(`unknown mode "${suffix}"`, suggest(suffix, modes));
  if (model === '*' && !pattern)
    complain(
      `${shown} takes the caller’s model name, but the route’s name has no *`,
      'Name a model, or give the route a pattern for a name.',
    );
  if (model !== '*' && model.includes('*'))
    complain(`${shown} has a * inside the model`, `Write ${provider}/* to take the caller’s model name.`);
}

function checkAliases(routes: readonly (readonly [string, unknown])[], problems: Problem[]): void {
  const owners = new Map(routes.map(([name]) => [name, name]));
  for (const [name, route] of routes) {
    for (const [index, alias] of asArray(asObject(route)['aliases']).entries()) {
      if (typeof alias !== 'string') continue;
      const path = ['routes', name, 'aliases', index];
      const owner = owners.get(alias);
      if (name.includes('*')) {
        problems.push({
          path,
          message: `"${alias}" is an alias of a pattern, and a pattern has no one name`,
          fix: 'Make it a route of its own.',
        });
        continue;
      }
      if (owner !== undefined)
        problems.push({
          path,
          message: `"${alias}" already names route "${owner}"`,
          fix: 'Give it another name, or remove it.',
        });
      else if (alias.includes('*'))
        problems.push({
          path,
          message: `"${alias}" is a pattern, and an alias is one name`,
          fix: 'Make it a route of its own.',
        });
      else owners.set(alias, name);
    }
  }
}

/** `provider/model` or a model; a model's own name may hold a slash, so only a near miss is a mistake for sure. */
function checkModels(models: Readonly<Record<string, unknown>>, { providers, problems }: Check): void {
  for (const key of Object.keys(models)) {
    const provider = key.includes('/') ? key.slice(0, key.indexOf('/')) : undefined;
    if (provider === undefined || providers === undefined || providers.includes(provider)) continue;
    const guess = nearest(provider, providers);
    if (guess !== undefined)
      problems.push({
        path: ['models', key],
        message: `unknown provider "${provider}"`,
        fix: `Did you mean "${guess}"?`,
        atKey: true,
      });
  }
}
