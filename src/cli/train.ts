/** `intermodal train`: teaches a route's scorer by what its audits and escalations have shown, and switches it on only where that is better. */
import { Command } from 'commander';
import { writeProblems } from '../config/load.ts';
import { systemClock } from '../core/clock.ts';
import { nearest } from '../core/nearest.ts';
import { leastLabels, runTrial, type TrialResult } from '../evaluation/trial.ts';
import {
  notePrefix,
  readScorer,
  type StoredScorer,
  type Trial,
  writeScorer,
} from '../router/complexity/stored.ts';
import type { NoteStore } from '../stores/routing/contract.ts';
import { ConfigError } from './config-error.ts';
import { samplesOf } from './eval/read-samples.ts';
import { seededRandom } from './eval/seeded.ts';
import { load } from './load.ts';
import { requireStore, withStores } from './store-url.ts';

interface Options {
  readonly route: string;
  readonly config: string;
  readonly store?: string;
  readonly seed: number;
  readonly off?: boolean;
  readonly json?: boolean;
}

/** The latest; a model gains little from more, and traffic changes. */
const mostLabels = 4_000;

export const trainCommand = new Command('train')
  .description(
    'Teach a route’s scorer by its audited traffic. It is switched on only where it beats the heuristic.',
  )
  .requiredOption('--route <route>', 'whose labels, and whose scorer')
  .option('-c, --config <file>', 'the YAML file', 'config/production.yaml')
  .option('--store <url>', 'where the labels are; else the store of the config')
  .option('--seed <number>', 'of chance: which labels are held out', Number, 1)
  .option('--off', 'switch off what was trained before, and train nothing')
  .option('--json', 'print JSON')
  .action(async (options: Options) => {
    const loaded = load(options.config);
    if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
    const route = loaded.routes.find(({ name }) => name === options.route);
    if (route === undefined)
      throw new ConfigError(
        unknownRoute(
          options,
          loaded.routes.map(({ name }) => name),
        ),
      );
    const usesTrained = route.complexity.scorer === 'trained';
    const url = requireStore(options.store ?? loaded.config.store);
    const told = await withStores(url, async ({ labels, notes }) =>
      options.off === true
        ? switchOff(notes, options.route)
        : trainOn(await labels.list({ route: options.route }, mostLabels), notes, options, usesTrained),
    );
    if (options.json === true) console.log(JSON.stringify(told.data));
    else console.log(told.text);
  });

interface Told {
  readonly text: string;
  readonly data: object;
}

async function trainOn(
  labels: Parameters<typeof samplesOf>[0],
  notes: NoteStore,
  { route, seed }: Options,
  usesTrained: boolean,
): Promise<Told> {
  const { samples, unread } = samplesOf(labels);
  if (samples.length < leastLabels) throw new ConfigError(tooFew(route, samples.length, unread));
  const result = runTrial(samples, seededRandom(seed));
  if (result.kind === 'no-gap')
    throw new ConfigError(
      `The strong model said nothing that the cheap one had not said, on all ${result.heldOut} labels held out: there is nothing to learn, ` +
        'and no need to route by complexity. Raise the audit share if you doubt it.',
    );
  const trial = await keep(notes, route, samples.length, result);
  const kept = trial.before?.active?.trial;
  return {
    text: textOf(route, trial.trial, kept, usesTrained),
    data: {
      route,
      ...trial.trial,
      ...(kept === undefined ? {} : { keptVersion: kept.version }),
      scorer: usesTrained ? 'trained' : 'heuristic',
    },
  };
}

type Judged = Extract<TrialResult, { kind: 'judged' }>;

/** Others may train the same route at the same time: whoever writes second reads again. */
async function keep(
  notes: NoteStore,
  route: string,
  labels: number,
  { figures, wins, model, heldOut }: Judged,
): Promise<{ readonly trial: Trial; readonly before: StoredScorer | undefined }> {
  for (let tries = 0; tries < 5; tries++) {
    const note = await notes.read(notePrefix + route);
    const before = note === undefined ? undefined : readScorer(note.value);
    const trial: Trial = {
      version: (note?.version ?? 0) + 1,
      atMs: systemClock.now(),
      labels,
      heldOut,
      on: wins,
      figures,
    };
    const active = wins ? { trial, model } : before?.active;
    const stored: StoredScorer = { last: trial, ...(active === undefined ? {} : { active }) };
    if (await notes.write(notePrefix + route, writeScorer(stored), note?.version ?? 0, trial.atMs))
      return { trial, before };
  }
  throw new ConfigError(`Others are training route ${route} at the same time. Try again.`);
}

async function switchOff(notes: NoteStore, route: string): Promise<Told> {
  await notes.remove(notePrefix + route);
  return {
    text: `Nothing that was trained scores route ${route} any more; the heuristic does.`,
    data: { route, on: false },
  };
}

function textOf(route: string, trial: Trial, kept: Trial | undefined, usesTrained: boolean): string {
  const { figures, labels, heldOut, version } = trial;
  const lines = [
    `Route ${route}: learnt from ${labels - heldOut} labels, judged on ${heldOut} others (APGR; 0.5 is random order).`,
    `  learned    ${figures.learned.toFixed(3)}`,
    `  heuristic  ${figures.heuristic.toFixed(3)}`,
    `  length     ${figures.length.toFixed(3)}`,
    `  learned less heuristic: ${signed(figures.low)} to ${signed(figures.high)} (95 %)`,
    '',
  ];
  if (trial.on) {
    lines.push(
      `Version ${version} is on: trained:${route}@${version}. Running gateways take it up within half a minute.`,
    );
    if (!usesTrained)
      lines.push(
        `The route still scores by the heuristic: set routes.${route}.complexity.scorer to trained to use it.`,
      );
  } else {
    lines.push(`Version ${version} is not switched on: it does not beat the heuristic by more than chance.`);
    lines.push(
      kept === undefined
        ? 'The heuristic stays. Wait for more labels and train again.'
        : `Version ${kept.version}, trained before, stays on; --off switches it off.`,
    );
  }
  return lines.join('\n');
}

function tooFew(route: string, count: number, unread: number): string {
  const more = unread === 0 ? '' : ` (and ${unread} that this version cannot read)`;
  return (
    `Route ${route} has ${count} labels${more}, and ${leastLabels} are the least that teach anything. Labels come of a cascade’s audits and ` +
    'escalations: give the route a cascade, raise its audit share for a while, and train again.'
  );
}

function unknownRoute({ route, config }: Options, names: readonly string[]): string {
  const guess = nearest(route, names);
  return `${config} has no route ${route}. ${guess === undefined ? `It has: ${names.join(', ')}.` : `Did you mean ${guess}?`}`;
}

const signed = (value: number): string => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(3)}`;
