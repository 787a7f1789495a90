/** `intermodal canary`: how the canaries of a config stand, and what only a person may say of them. Works on the store; gateways read it within seconds. */
import { Command } from 'commander';
import { writeProblems } from '../config/load.ts';
import { systemClock } from '../core/clock.ts';
import { nearest } from '../core/nearest.ts';
import type { Canary } from '../router/canary/contract.ts';
import { CanaryNotes } from '../router/canary/notes.ts';
import type { CanaryRecord } from '../router/canary/phase.ts';
import type { Route } from '../router/contract.ts';
import type { Stores } from '../stores/contract.ts';
import { type CanaryView, canaryTable, viewOf } from './canary-table.ts';
import { ConfigError } from './config-error.ts';
import { load } from './load.ts';
import { requireStore, withStores } from './store-url.ts';

interface Options {
  readonly config: string;
  readonly store?: string;
  readonly json?: boolean;
}

interface Known {
  readonly route: string;
  readonly canary: Canary;
}

function readCanaries({ config, store }: Options): { canaries: readonly Known[]; store: string } {
  const loaded = load(config);
  if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
  const canaries = loaded.routes.flatMap(({ name, canary }: Route) =>
    canary === undefined ? [] : [{ route: name, canary }],
  );
  return { canaries, store: requireStore(store ?? loaded.config.store) };
}

function find(canaries: readonly Known[], name: string): Known {
  const known = canaries.find(({ route }) => route === name);
  if (known !== undefined) return known;
  const names = canaries.map(({ route }) => route);
  const guess = nearest(name, names);
  throw new ConfigError(
    names.length === 0
      ? 'No route of the config has a canary.'
      : `No route "${name}" has a canary. ${guess === undefined ? `These have: ${names.join(', ')}.` : `Did you mean "${guess}"?`}`,
  );
}

async function look({ notes }: Stores, { route, canary }: Known): Promise<CanaryView> {
  const known = new CanaryNotes(notes);
  const nowMs = systemClock.now();
  const record = await known.read(route, canary.id);
  const both =
    record === undefined ? undefined : await known.figures(route, record, canary.gates.windowMs, nowMs);
  return viewOf(route, canary, record, both, nowMs);
}

function tell(views: readonly CanaryView[], { json }: Options): void {
  if (json === true) console.log(JSON.stringify(views));
  else if (views.length === 0) console.error('No route of the config has a canary.');
  else console.log(views.map(canaryTable).join('\n\n'));
}

const status = new Command('status')
  .description('Show phases, shares, figures of both sides, and gates.')
  .argument('[route]', 'only this one')
  .action(async (route: string | undefined, options: Options) => {
    const { canaries, store } = readCanaries(options);
    const wanted = route === undefined ? canaries : [find(canaries, route)];
    const views = await withStores(store, async (stores) => {
      const all: CanaryView[] = [];
      for (const known of wanted) all.push(await look(stores, known));
      return all;
    });
    tell(views, options);
  });

type Change = (before: CanaryRecord | undefined, id: string, nowMs: number) => CanaryRecord;

function changing(name: string, description: string, change: Change): Command {
  return new Command(name)
    .description(description)
    .argument('<route>', 'whose canary is meant')
    .action(async (route: string, options: Options & { why?: string }) => {
      const { canaries, store } = readCanaries(options);
      const known = find(canaries, route);
      const view = await withStores(store, async (stores) => {
        const nowMs = systemClock.now();
        await new CanaryNotes(stores.notes).change(route, known.canary.id, nowMs, (before) => {
          const after = change(before, known.canary.id, nowMs);
          return options.why === undefined || after.rolledBack === undefined
            ? after
            : { ...after, rolledBack: { ...after.rolledBack, why: options.why } };
        });
        return look(stores, known);
      });
      tell([view], options);
    });
}

const promote = changing('promote', 'Give it all requests, whatever its phase.', (before, id, nowMs) => ({
  id,
  startedAtMs: before?.startedAtMs ?? nowMs,
  promotedAtMs: nowMs,
}));

const rollback = changing('rollback', 'Give it none any more.', (before, id, nowMs) => ({
  id,
  startedAtMs: before?.startedAtMs ?? nowMs,
  rolledBack: { why: 'by hand', atMs: nowMs },
})).option('--why <text>', 'what others are told');

const restart = changing('restart', 'Begin at its first phase again.', (_before, id, nowMs) => ({
  id,
  startedAtMs: nowMs,
}));

export const canary = new Command('canary').description('Look at canaries, promote them, roll them back.');
for (const command of [status, promote, rollback, restart])
  canary.addCommand(
    command
      .option('-c, --config <file>', 'the YAML file', 'config/production.yaml')
      .option('--store <url>', 'over the one in the config')
      .option('--json', 'print JSON'),
  );
