/** `intermodal eval`: how well routers tell which prompts are worth a strong model, on labelled prompts or on a route’s own audited traffic. */
import { Command, InvalidArgumentError } from 'commander';
import { compare, type Row, type Split } from '../../evaluation/compare.ts';
import type { Sample } from '../../evaluation/routers.ts';
import { drawnSplits, folded } from '../../evaluation/splits.ts';
import { adviceOf, winOf } from '../../evaluation/verdict.ts';
import { parseCount } from '../amounts.ts';
import { ConfigError } from '../config-error.ts';
import { addStoreOptions, requireStore, type StoreOptions, storeUrl, withStores } from '../store-url.ts';
import { readLabelled, samplesOf } from './read-samples.ts';
import { seededRandom } from './seeded.ts';
import { rowsTable } from './table.ts';

interface Options extends StoreOptions {
  readonly weak?: string;
  readonly strong?: string;
  readonly second?: string;
  readonly train?: string;
  readonly test?: string;
  readonly route?: string;
  readonly folds: number;
  readonly labels?: number;
  readonly seeds: number;
  readonly seed: number;
  readonly share: number;
  readonly priceRatio: number;
  readonly chars: number;
  readonly json?: boolean;
}

export const evaluate = addStoreOptions(
  new Command('eval')
    .description(
      'Show how well routers tell which prompts are worth the strong model, and whether that pays.',
    )
    .argument('[file...]', 'labelled prompts, .jsonl or .jsonl.gz: {"id", "prompt", "ok": {"model": 0 or 1}}')
    .option('--route <route>', 'instead of files: what this route’s audits and escalations have shown')
    .option('--weak <model>', 'the cheap model of the file; needed where it has more than two')
    .option('--strong <model>', 'the strong model of the file')
    .option(
      '--second <model>',
      'a second cheap model of the file: a cascade that goes by whether the two agree',
    )
    .option('--train <file>', 'learn from this file instead, and …')
    .option('--test <file>', '… test on this one: how well it carries over to other prompts')
    .option(
      '--folds <count>',
      'learn from all but one part, test on it, for each of so many parts',
      parseCount,
      5,
    )
    .option(
      '--labels <count>',
      'learn from so many labels and test on all others, instead of folds',
      parseCount,
    )
    .option('--seeds <count>', 'how often, with --labels', parseCount, 1)
    .option('--seed <number>', 'of chance; the same number gives the same figures', Number, 1)
    .option('--share <share>', 'of strong calls, at which accuracy and cost are told', parseShare, 0.3)
    .option('--price-ratio <times>', 'what a strong call costs beside a cheap one, for files', parseRatio, 10)
    .option('--chars <count>', 'most characters of a prompt that are read', parseCount, 500)
    .option('--json', 'print JSON'),
).action(async (files: readonly string[], options: Options) => {
  const { title, splits, readUs, note } = await splitsOf(files, options);
  const random = seededRandom(options.seed);
  const rows = compare(
    splits,
    {
      priceRatio: options.priceRatio,
      share: options.share,
      opinion: options.second === undefined ? 0 : 1,
      clockUs,
      ...(readUs === undefined ? {} : { readUs }),
    },
    random,
  );
  // Draws may share prompts; folds do not.
  const apart = options.labels === undefined ? splits : splits.slice(0, 1);
  const win = apart.some(({ training }) => training.length < 2) ? undefined : winOf(apart, random);
  const advice = adviceOf(rows, win);
  if (options.json === true) console.log(JSON.stringify({ title, rows, win, advice, note }));
  else print(title, rows, [...(note === undefined ? [] : [note]), ...advice]);
});

const clockUs = (): number => performance.now() * 1000;

interface Work {
  readonly title: string;
  readonly splits: readonly Split[];
  readonly readUs?: number;
  readonly note?: string;
}

async function splitsOf(files: readonly string[], options: Options): Promise<Work> {
  const { route, train, test } = options;
  if (route !== undefined) return ofRoute(route, options);
  if (train !== undefined || test !== undefined) {
    if (train === undefined || test === undefined || files.length > 0)
      throw new ConfigError('--train and --test go together, and without other files.');
    return outOfDomain(train, test, options);
  }
  if (files.length === 0)
    throw new ConfigError(
      'Name a file of labelled prompts, or a route with --route. See docs/train-a-router.md.',
    );
  const { weak, strong, samples, readUs } = readLabelled(files, readOptions(options), clockUs);
  return { title: `${samples.length} prompts, ${weak} → ${strong}`, splits: split(samples, options), readUs };
}

function outOfDomain(train: string, test: string, options: Options): Work {
  const learnt = readLabelled([train], readOptions(options), clockUs);
  const pair = {
    ...readOptions(options),
    weak: options.weak ?? learnt.weak,
    strong: options.strong ?? learnt.strong,
  };
  const tested = readLabelled([test], pair, clockUs);
  return {
    title: `learnt from ${learnt.samples.length} prompts of ${train}, tested on ${tested.samples.length} of ${test}, ${tested.weak} → ${tested.strong}`,
    splits: [{ training: learnt.samples, test: tested.samples }],
    readUs: tested.readUs,
  };
}

/** The latest; older ones say less of what comes. */
const mostLabels = 20_000;
/** Fewer show nothing. */
const leastLabels = 50;

async function ofRoute(route: string, options: Options): Promise<Work> {
  const labels = await withStores(requireStore(storeUrl(options)), ({ labels: store }) =>
    store.list({ route }, mostLabels),
  );
  const { samples, unread } = samplesOf(labels);
  if (samples.length < leastLabels)
    throw new ConfigError(
      `Route ${route} has ${samples.length} labels that can be read, and ${leastLabels} are the least that show anything. ` +
        'Labels come of a cascade’s audits and escalations: give the route a cascade, raise its audit share, and wait for traffic.',
    );
  return {
    title: `${samples.length} labels of route ${route}`,
    splits: split(samples, options),
    ...(unread === 0
      ? {}
      : { note: `${unread} labels have no features that this version can read, and are left out.` }),
  };
}

function readOptions({ weak, strong, second, chars }: Options) {
  return {
    mostChars: chars,
    ...(weak === undefined ? {} : { weak }),
    ...(strong === undefined ? {} : { strong }),
    ...(second === undefined ? {} : { second }),
  };
}

function split(samples: readonly Sample[], { labels, seeds, folds, seed }: Options): readonly Split[] {
  const random = seededRandom(seed);
  if (labels === undefined) return folded(samples, Math.min(folds, samples.length), random);
  if (labels >= samples.length)
    throw new ConfigError(
      `There are ${samples.length} labels, and none would be left to test on: give --labels less.`,
    );
  return drawnSplits(samples, labels, seeds, random);
}

function print(title: string, rows: readonly Row[], notes: readonly string[]): void {
  console.log(`${title}\n`);
  console.log(rowsTable(rows));
  console.log(`\n${notes.join('\n')}`);
}

function parseShare(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!(value > 0 && value < 1))
    throw new InvalidArgumentError('Write a share between 0 and 1, such as 0.3 or 30%.');
  return value;
}

function parseRatio(text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value < 1e6))
    throw new InvalidArgumentError('Write how many times dearer, such as 12.');
  return value;
}
