/** `intermodal check`: is this file valid, and what would it serve? */
import { Command } from 'commander';
import type { Loaded } from '../config/load.ts';
import { problemJson, writeProblem } from '../config/problem.ts';
import { makeWaiting } from '../config/routing/waiting.ts';
import { budgetsJson, budgetsTable, limitsJson, limitsTable } from './limits-table.ts';
import { load } from './load.ts';
import { routeJson, routesTable } from './routes-table.ts';
import { targetsJson, targetsTable } from './targets-table.ts';

export const check = new Command('check')
  .description('Validate a config and print its routes, prices, limits and budgets.')
  .argument('<file>', 'the YAML file')
  .option('--json', 'print JSON')
  .action((file: string, options: { json?: boolean }) => {
    const loaded = load(file);
    if (options.json === true) console.log(JSON.stringify(checkJson(loaded)));
    else if (loaded.ok) console.log(checkText(file, loaded));
    else console.error(problemsText(loaded));
    if (!loaded.ok) process.exitCode = 1;
  });

type Valid = Extract<Loaded, { ok: true }>;
type Refused = Extract<Loaded, { ok: false }>;

function problemsText({ problems }: Refused): string {
  return [
    ...problems.map(writeProblem),
    '',
    `${many(problems.length, 'problem')}. Mend the file and check it again; a running gateway keeps its old config meanwhile.`,
  ].join('\n');
}

function checkText(file: string, { policy, routes, warnings, config }: Valid): string {
  const targets = new Set(policy.targets.map((target) => target.name)).size;
  const tables = [
    routesTable(policy, routes, makeWaiting(config.waiting)),
    ...(targets === 0 ? [] : [`Dollars for a million tokens:\n${targetsTable(policy, config)}`]),
    ...(Object.keys(config.limits).length === 0 ? [] : [limitsTable(config)]),
    ...(config.budgets.length === 0 ? [] : [budgetsTable(config)]),
  ];
  return [
    ...tables.flatMap((one) => [one, '']),
    ...warnings.map((warning) => `! ${warning}`),
    `${file} is valid: ${many(routes.length, 'route')}, ${many(targets, 'target')}, ${many(warnings.length, 'warning')}.`,
  ].join('\n');
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function checkJson(loaded: Loaded): object {
  if (!loaded.ok) return { ok: false, problems: loaded.problems.map(problemJson) };
  const { policy, routes, warnings, config } = loaded;
  return {
    ok: true,
    routes: routes.map((route) => routeJson(route, policy)),
    targets: targetsJson(policy, config),
    limits: limitsJson(config),
    budgets: budgetsJson(config),
    warnings,
  };
}
