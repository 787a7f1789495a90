/** `intermodal plan`: what a file of requests would cost as a batch, and how it would travel. Sends nothing and needs no gateway. */
import { createReadStream, statSync } from 'node:fs';
import { Command } from 'commander';
import type { Batch } from '../batch/contract.ts';
import { createExperience, type Experience } from '../batch/forecast/experience.ts';
import { Forecaster } from '../batch/forecast/forecast.ts';
import type { Forecast } from '../batch/forecast/report.ts';
import { nothingDone } from '../batch/nothing-done.ts';
import { compileRules } from '../batch/prefilter.ts';
import { createCalibration } from '../catalog/calibration.ts';
import { type Loaded, writeProblems } from '../config/load.ts';
import { readDuration } from '../config/units.ts';
import { systemClock } from '../core/clock.ts';
import { batchFolders } from '../gateway/batches/registry.ts';
import { dialectFolders } from '../gateway/dialects/registry.ts';
import { Scorers } from '../router/complexity/scorers.ts';
import { createSight } from '../router/sight.ts';
import { fileOf } from '../stores/open.ts';
import type { JsonLine } from '../wire/jsonl.ts';
import { parseCount, parseList } from './amounts.ts';
import { type InputOptions, readLines } from './batch/input.ts';
import { loadTemplate, parseWindow } from './batch/submit.ts';
import { settingsOf } from './batches.ts';
import { ConfigError } from './config-error.ts';
import { forecastRecord, forecastText } from './forecast-table.ts';
import { load } from './load.ts';
import { requireStore, withStores } from './store-url.ts';

interface Options {
  readonly config: string;
  readonly store?: string;
  readonly route?: string;
  readonly model?: string;
  readonly template?: string;
  readonly id?: string;
  readonly endpoint?: string;
  readonly window: string;
  readonly tag?: readonly string[];
  readonly expectOutput?: number;
  readonly baseline?: string;
  readonly json?: boolean;
}

export const plan = new Command('plan')
  .description('Show what a file of requests would cost as a batch, and how it would travel. Spends nothing.')
  .argument('<file>', 'items.jsonl, items.csv or items.tsv, as "batch submit" takes it')
  .option('-c, --config <file>', 'the YAML file', 'config/production.yaml')
  .option('--store <url>', 'whose ledger tells how long answers are; else the store of the config')
  .option('--route <route>', 'take this route, whatever the requests name')
  .option('--model <route>', 'for requests that name no model')
  .option('--template <file>', 'a JSON request with {{column}} where a cell goes')
  .option('--id <column>', 'the column that names a row; else custom_id, else its line')
  .option('--endpoint <path>', 'where requests go that do not say so, such as /v1/chat/completions')
  .option('--window <time>', 'when it must be done', parseWindow, '24h')
  .option('--tag <tag>', 'for rules; may be repeated', (text: string, before: readonly string[] = []) => [
    ...before,
    ...parseList(text),
  ])
  .option('--expect-output <tokens>', 'how long an answer is, whatever the ledger says', parseCount)
  .option('--baseline <provider/model>', 'what the savings are reckoned from; else the dearest of the routes')
  .option('--json', 'print JSON')
  .action(async (file: string, options: Options) => {
    const loaded = load(options.config);
    if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
    const experience = await experienceOf(loaded.config.store, options);
    const forecast = await forecastFile(file, options, loaded, experience);
    if (options.json === true) console.log(JSON.stringify(forecastRecord(forecast)));
    else console.log(forecastText(forecast));
    // As a batch whose items failed.
    if (forecast.rejected > 0) process.exitCode = 2;
  });

/** What is older was asked otherwise, and a ledger of years takes long to sum. */
const learntMs = 30 * 86_400_000;

/** A store that was named must be there; one that nobody named may not have been made yet. */
async function experienceOf(configured: string, { store, expectOutput }: Options): Promise<Experience> {
  const url = store === undefined ? configured : requireStore(store);
  if (store === undefined && !isThere(url)) return createExperience([], expectOutput);
  const fromMs = systemClock.now() - learntMs;
  return withStores(url, async ({ ledger }) =>
    createExperience(await ledger.usage({ fromMs }), expectOutput),
  );
}

function isThere(url: string): boolean {
  if (url === ':memory:' || url === 'sqlite::memory:') return false;
  const file = fileOf(url);
  return file === undefined || statSync(file, { throwIfNoEntry: false }) !== undefined;
}

type Good = Extract<Loaded, { ok: true }>;

async function forecastFile(
  file: string,
  options: Options,
  { config, policy }: Good,
  experience: Experience,
): Promise<Forecast> {
  const input = inputOf(file, options);
  const most = await countLines(file);
  let forecaster: Forecaster | undefined;
  let endpoint: string | undefined;
  const bad: { readonly line: number; readonly problem: string }[] = [];
  for await (const read of readLines(input)) {
    if ('problem' in read) {
      if (forecaster === undefined) bad.push(read);
      else forecaster.reject(read.line, `The line cannot be submitted: ${read.problem}.`);
      continue;
    }
    endpoint ??= read.endpoint;
    if (read.endpoint !== endpoint)
      throw new ConfigError(
        `${file}, line ${read.line}: it goes to ${read.endpoint}, and those before go to ${endpoint}. Plan one file for each.`,
      );
    if (forecaster === undefined) {
      forecaster = createForecaster(endpoint, most);
      for (const { line, problem } of bad)
        forecaster.reject(line, `The line cannot be submitted: ${problem}.`);
    }
    forecaster.read(jsonLine(read.line, read.text));
  }
  if (forecaster === undefined) throw new ConfigError(nothingToPlan(file, bad));
  return forecaster.close();

  function createForecaster(path: string, mostLines: number): Forecaster {
    const rules = compileRules(config.batch.prefilter);
    return new Forecaster(
      {
        world: {
          policy: () => policy,
          prefilter: () => rules,
          estimates: createCalibration(),
          clock: systemClock,
          walk: {
            sight: createSight(
              { view: () => ({ standing: 'ready', untilMs: 0 }) },
              { scorer: new Scorers().of },
            ),
          },
        },
        settings: settingsOf(config.batch),
        shape: shapeFor(options.route),
        batch: batchFor(path, options),
        experience,
        ...(options.baseline === undefined ? {} : { baseline: options.baseline }),
      },
      mostLines,
    );
  }
}

/** Ends of lines, and one: what the file has no more of. Tables are made for so many, since larger ones than needed cost memory. */
async function countLines(file: string): Promise<number> {
  let lines = 1;
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, at + 1)) lines += 1;
  return lines;
}

function inputOf(file: string, { template, model, route, id, endpoint }: Options): InputOptions {
  const named = model ?? route;
  return {
    file,
    ...(template === undefined ? {} : { template: loadTemplate(template) }),
    ...(named === undefined ? {} : { model: named }),
    ...(id === undefined ? {} : { idColumn: id }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
}

function jsonLine(number: number, text: string): JsonLine {
  const bytes = Buffer.from(text, 'utf8');
  return { number, at: 0, bytes: bytes.length, text: bytes };
}

/** Lines of OpenAI's shape, which is what "batch submit" sends; `route`: whatever they name. */
function shapeFor(route: string | undefined) {
  const dialects = dialectFolders.flatMap((folder) => folder.dialects);
  const shapes = batchFolders.map((folder) => folder.shape(dialects));
  const shape = shapes.find(({ id }) => id === 'openai');
  if (shape === undefined) throw new Error('There is no shape for lines as OpenAI has them.');
  if (route === undefined) return shape;
  return {
    ...shape,
    readLine(...given: Parameters<typeof shape.readLine>) {
      const line = shape.readLine(...given);
      return { ...line, facts: { ...line.facts, model: route } };
    },
  };
}

/** As it would be submitted, now. */
function batchFor(endpoint: string, options: Options): Batch {
  const windowMs = readDuration(options.window) ?? 0;
  const nowMs = systemClock.now();
  return {
    id: 'plan',
    no: 0,
    owner: '',
    shape: 'openai',
    endpoint,
    inputBlob: '',
    inputBytes: 0,
    windowMs,
    metadata: {},
    tags: options.tag ?? [],
    priority: 'normal',
    state: 'assembling',
    ...nothingDone,
    createdAtMs: nowMs,
    deadlineAtMs: nowMs + windowMs,
  };
}

const mostTold = 20;

function nothingToPlan(
  file: string,
  bad: readonly { readonly line: number; readonly problem: string }[],
): string {
  return [
    ...bad.slice(0, mostTold).map(({ line, problem }) => `${file}, line ${line}: ${problem}.`),
    `${file} has no line that can be sent. Write one request on each line.`,
  ].join('\n');
}
