/** `intermodal explain`: which targets a request would be sent to, in which order, and why not the others. Sends nothing to any of them. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { isTakenInBatches } from '../batch/lanes.ts';
import { createCalibration } from '../catalog/calibration.ts';
import { writeProblems } from '../config/load.ts';
import { systemClock } from '../core/clock.ts';
import { asObject } from '../core/json.ts';
import type { AnyDialect } from '../gateway/dialects/contract.ts';
import { dialectFolders } from '../gateway/dialects/registry.ts';
import { type Explained, explainRequest } from '../gateway/explain-request.ts';
import { Scorers } from '../router/complexity/scorers.ts';
import { createSight } from '../router/sight.ts';
import { ConfigError } from './config-error.ts';
import { explainLive } from './explain/live.ts';
import { explainText } from './explain/report.ts';
import { load } from './load.ts';

interface Options {
  readonly config: string;
  readonly dialect: string;
  readonly header: readonly string[];
  readonly draw: number;
  readonly live?: string | true;
  readonly key?: string;
  readonly as?: string;
  readonly json?: boolean;
}

const dialects = dialectFolders.flatMap((folder) => folder.dialects);

export const explain = new Command('explain')
  .description('Show which targets would serve a request, and why not the others.')
  .argument('<request>', 'a JSON file with the request body, or - for standard input')
  .option('-c, --config <file>', 'the YAML file', 'config/production.yaml')
  .option(
    '-d, --dialect <id>',
    `what the client speaks: ${dialects.map((dialect) => dialect.id).join(', ')}`,
    'openai-chat',
  )
  .option(
    '-H, --header <name:value>',
    'a request header, such as x-intermodal-deadline: 45m; may be repeated',
    (value: string, list: string[]) => [...list, value],
    [],
  )
  .option('--draw <number>', 'where in the weights the request falls, from 0 to 1', readDraw, 0)
  .option('--live [url]', 'ask a running gateway, which knows health, room and sums; else INTERMODAL_URL')
  .option('--key <key>', 'an admin key of that gateway; else INTERMODAL_KEY')
  .option('--as <name>', 'with --live: as if the key of this name asked')
  .option('--json', 'print JSON')
  .action(async (file: string, options: Options) => {
    const body = readFileSync(file === '-' ? 0 : file);
    const explained = options.live === undefined ? explainByConfig(body, options) : await live(body, options);
    console.log(options.json === true ? JSON.stringify(explained) : explainText(explained));
    if (!explained.targets.some(({ verdict }) => verdict === 'first')) process.exitCode = 1;
  });

/** What a config knows by itself: everybody is well, nothing has been learnt or spent. */
export function explainByConfig(
  body: Buffer,
  options: Pick<Options, 'config' | 'dialect' | 'header' | 'draw'>,
): Explained {
  const loaded = load(options.config);
  if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
  return explainRequest(
    {
      policy: loaded.policy,
      world: createSight({ view: () => ({ standing: 'ready', untilMs: 0 }) }, { scorer: new Scorers().of }),
      estimates: createCalibration(),
      nowMs: systemClock.now(),
      batchable: (request, route) => isTakenInBatches(request, route, loaded.policy),
    },
    { dialect: dialectOf(options), body, headers: headersOf(options), draw: options.draw },
  );
}

function live(body: Buffer, options: Options): Promise<Explained> {
  const { live: named, key, as, draw } = options;
  const url = typeof named === 'string' ? named : process.env['INTERMODAL_URL'] || 'http://127.0.0.1:4000';
  return explainLive(
    { url, key: key ?? process.env['INTERMODAL_KEY'] },
    {
      dialect: dialectOf(options).id,
      headers: headersOf(options),
      body: asObject(readJson(body)),
      draw,
      ...(as === undefined ? {} : { key: as }),
    },
  );
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new ConfigError('The request is not valid JSON.');
  }
}

function dialectOf({ dialect: id }: Pick<Options, 'dialect'>): AnyDialect {
  const dialect = dialects.find((one) => one.id === id);
  if (dialect === undefined)
    throw new ConfigError(
      `There is no dialect "${id}". There are: ${dialects.map((one) => one.id).join(', ')}.`,
    );
  return dialect;
}

function headersOf({ header }: Pick<Options, 'header'>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    header.map((line) => {
      const colon = line.indexOf(':');
      if (colon < 1) throw new ConfigError(`"${line}" is not a header. Write it as name: value.`);
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

function readDraw(text: string): number {
  const draw = Number(text);
  if (draw >= 0 && draw <= 1) return draw;
  throw new ConfigError(`--draw is "${text}"; write a number from 0 to 1.`);
}
