/** `intermodal spend`: what was paid, for what and by whom, and what it would have cost at list price. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../core/clock.ts';
import { nearest } from '../core/nearest.ts';
import { type SpendFilter, type SpendGroup, type SpendRow, spendGroups } from '../stores/contract.ts';
import { savedPercent, spendCsv, spendRecords } from '../stores/spend-report.ts';
import { dollars, parseCount, parseList, parseMoment, thousands } from './amounts.ts';
import { ConfigError } from './config-error.ts';
import { addStoreOptions, requireStore, type StoreOptions, storeUrl, withStores } from './store-url.ts';
import { table } from './table.ts';

interface Options extends StoreOptions {
  readonly by: readonly SpendGroup[];
  readonly since?: number;
  readonly until?: number;
  readonly key?: string;
  readonly team?: string;
  readonly route?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly tag?: string;
  readonly format: 'table' | 'csv' | 'json';
  readonly limit?: number;
}

const parseNow = (text: string): number => parseMoment(text, systemClock.now());

export const spend = addStoreOptions(
  new Command('spend')
    .description('Show what was paid, by key, route, provider, model or day.')
    .option('--by <groups>', `of ${spendGroups.join(', ')}; with commas between`, parseGroups, ['key'])
    .option('--since <time>', 'from then on: 7d, 24h, 2026-11-01', parseNow)
    .option('--until <time>', 'what ended before then', parseNow)
    .option('--key <name>', 'only this key')
    .option('--team <team>', 'only this team')
    .option('--route <route>', 'only this route')
    .option('--provider <provider>', 'only this provider')
    .option('--model <model>', 'only this model')
    .option('--tag <tag>', 'only what has this tag')
    .addOption(
      new Option('--format <format>', 'how to print').choices(['table', 'csv', 'json']).default('table'),
    )
    .option('--limit <count>', 'only so many rows, the dearest', parseCount),
).action(async (options: Options) => {
  const filter = filterOf(options);
  const { by, format, limit } = options;
  await withStores(requireStore(storeUrl(options)), async ({ ledger }) => {
    const rows = await ledger.spend(filter, by, limit);
    if (format === 'csv') process.stdout.write(spendCsv(by, rows));
    else if (format === 'json') console.log(JSON.stringify(spendRecords(by, rows)));
    else {
      const [total] = await ledger.spend(filter, []);
      if (total === undefined || total.attempts === 0) {
        console.error(
          'Nothing that was asked for is in the ledger. Ask for a longer time, or with fewer filters.',
        );
      } else console.log(spendText(by, rows, total, limit));
    }
  });
});

function filterOf({ since, until, key, team, route, provider, model, tag }: Options): SpendFilter {
  if (since !== undefined && until !== undefined && since >= until) {
    throw new ConfigError(
      '--since is not before --until, so nothing can be between them. Swap or widen them.',
    );
  }
  return {
    ...(since === undefined ? {} : { fromMs: since }),
    ...(until === undefined ? {} : { toMs: until }),
    ...(key === undefined ? {} : { key }),
    ...(team === undefined ? {} : { team }),
    ...(route === undefined ? {} : { route }),
    ...(provider === undefined ? {} : { provider }),
    ...(model === undefined ? {} : { model }),
    ...(tag === undefined ? {} : { tag }),
  };
}

function parseGroups(text: string): readonly SpendGroup[] {
  const groups = parseList(text).map((name) => {
    const group = spendGroups.find((known) => known === name);
    if (group !== undefined) return group;
    const meant = nearest(name, spendGroups);
    throw new InvalidArgumentError(
      `There is no "${name}". ${meant === undefined ? `There are: ${spendGroups.join(', ')}.` : `Did you mean "${meant}"?`}`,
    );
  });
  if (new Set(groups).size < groups.length) throw new InvalidArgumentError('Name each group once.');
  return groups;
}

const amounts = ['attempts', 'input tokens', 'output tokens', 'paid', 'list price', 'saved', 'saved %'];

function spendText(
  groups: readonly SpendGroup[],
  rows: readonly SpendRow[],
  total: SpendRow,
  limit: number | undefined,
): string {
  const lines = rows.map((row) => [...row.group.map((name) => name ?? '-'), ...amountsOf(row)]);
  const last = ['total', ...groups.slice(1).map(() => ''), ...amountsOf(total)];
  const notes = [
    ...(rows.length === limit ? [`The dearest ${limit}; the total is of all.`] : []),
    ...(total.estimatedNanoUsd > 0
      ? [`${dollars(total.estimatedNanoUsd)} of what was paid is an estimate: the provider did not say.`]
      : []),
  ];
  return [
    table([...groups, ...amounts], [...lines, last], new Set(amounts)),
    ...(notes.length > 0 ? ['', ...notes] : []),
  ].join('\n');
}

function amountsOf(row: SpendRow): readonly string[] {
  return [
    thousands(row.attempts),
    thousands(row.inputTokens),
    thousands(row.outputTokens),
    dollars(row.costNanoUsd),
    dollars(row.listNanoUsd),
    dollars(row.listNanoUsd - row.costNanoUsd),
    savedPercent(row)?.toFixed(1) ?? '-',
  ];
}
