/** A policy's routes, as `serve` and `check` show them. */
import type { Step } from '../router/chain/contract.ts';
import type { Policy, Route } from '../router/contract.ts';
import { chainText, featuresOf } from '../router/explain-route.ts';
import { table } from './table.ts';

/** In the order of the file, patterns too, each with its aliases. `usual`: how requests wait where a route says nothing of its own. */
export function routesTable(policy: Policy, routes: readonly Route[], usual?: Route['waiting']): string {
  const rows = routes.flatMap((route) => {
    const aliases = aliasesOf(route, policy);
    const name = aliases.length === 0 ? route.name : `${route.name} (${aliases.join(', ')})`;
    const rules = route.rules.map((rule) => [`when ${rule.text}`, chainText(rule.chain)]);
    const otherwise = [route.rules.length === 0 ? '' : 'otherwise', chainText(route.chain)];
    const features = featuresOf(route, usual ?? route.waiting).map(({ name: feature, text }) => [
      feature,
      text,
    ]);
    return [...rules, otherwise, ...features].map((cells, index) => [index === 0 ? name : '', ...cells]);
  });
  return table(['route', 'rule', 'chain'], rows);
}

function aliasesOf(route: Route, policy: Policy): readonly string[] {
  return policy.names.filter((name) => name !== route.name && policy.find(name) === route);
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
    features: Object.fromEntries(featuresOf(route).map(({ name, text }) => [name, text])),
  };
}
