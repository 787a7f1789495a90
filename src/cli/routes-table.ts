/** A policy's routes, as `serve` and `check` show them. */
import type { Policy, Route, Step } from '../router/contract.ts';
import { table } from './table.ts';

/** In the order of the file, patterns too, each with its aliases. */
export function routesTable(policy: Policy, routes: readonly Route[]): string {
  const rows = routes.flatMap((route) => {
    const aliases = aliasesOf(route, policy);
    const name = aliases.length === 0 ? route.name : `${route.name} (${aliases.join(', ')})`;
    const rules = route.rules.map((rule) => [`when ${rule.text}`, chainText(rule.chain)]);
    const otherwise = [route.rules.length === 0 ? '' : 'otherwise', chainText(route.chain)];
    return [...rules, otherwise].map((cells, index) => [index === 0 ? name : '', ...cells]);
  });
  return table(['route', 'rule', 'chain'], rows);
}

function aliasesOf(route: Route, policy: Policy): readonly string[] {
  return policy.names.filter((name) => name !== route.name && policy.find(name) === route);
}

export function chainText(chain: readonly Step[]): string {
  return chain.map(stepText).join(' → ');
}

function stepText(step: Step): string {
  if (step.options.length === 1) return step.options[0]?.target.name ?? '';
  return `{${step.options.map(({ target, weight }) => `${weight}: ${target.name}`).join(', ')}}`;
}

/** For programs. */
export function routeJson(route: Route, policy: Policy): object {
  const chainJson = (chain: readonly Step[]): object =>
    chain.map((step) => step.options.map(({ target, weight }) => ({ target: target.name, weight })));
  return {
    name: route.name,
    aliases: aliasesOf(route, policy),
    rules: route.rules.map((rule) => ({ when: rule.text, chain: chainJson(rule.chain) })),
    chain: chainJson(route.chain),
  };
}
