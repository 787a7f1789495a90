/** `intermodal batch submit`: sends a file of requests, or of rows and a template, as a batch. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { readDuration } from '../../config/units.ts';
import { parseList, thousands } from '../amounts.ts';
import { ConfigError } from '../config-error.ts';
import { addGatewayOptions, createGateway, type Gateway, UnreachableError } from './gateway.ts';
import { type InputOptions, linesToSend, survey } from './input.ts';
import { type ReportOptions, report, reportWhenDone } from './report.ts';
import { readTemplate, type Template } from './template.ts';
import { advice, type BatchView } from './view.ts';

interface Options extends ReportOptions {
  readonly model?: string;
  readonly template?: string;
  readonly id?: string;
  readonly endpoint?: string;
  readonly window: string;
  readonly tag?: readonly string[];
  readonly idempotencyKey?: string;
  readonly skipBad?: boolean;
  readonly wait?: boolean;
  readonly every: number;
}

export function parseEvery(text: string): number {
  const ms = readDuration(text);
  if (ms === undefined || ms === 0)
    throw new InvalidArgumentError('Write a time over zero, such as 5s or 1m.');
  return ms;
}

export function parseWindow(text: string): string {
  parseEvery(text);
  return text;
}

export const submit = addGatewayOptions(
  new Command('submit')
    .description(
      'Submit a file of requests as a batch: JSONL as OpenAI has it, or rows (JSONL, CSV) and a template.',
    )
    .argument('<file>', 'items.jsonl, items.csv or items.tsv')
    .option('--model <route>', 'for requests that name no model')
    .option(
      '--template <file>',
      'a JSON request with {{column}} where a cell goes; {{column:json}} for numbers and lists',
    )
    .option('--id <column>', 'the column that names a row; else custom_id, else its line')
    .option('--endpoint <path>', 'where requests go that do not say so, such as /v1/chat/completions')
    .option('--window <time>', 'when it must be done', parseWindow, '24h')
    .option('--tag <tag>', 'for reports; may be repeated', (text: string, before: readonly string[] = []) => [
      ...before,
      ...parseList(text),
    ])
    .option('--idempotency-key <key>', 'submitted again with the same key, it is the same batch')
    .option('--skip-bad', 'leave out rows that cannot be sent')
    .option('--wait', 'wait for its end; exit code 2 if items failed')
    .option('--every <time>', 'how often to look while waiting', parseEvery, 5000),
).action(async (file: string, options: Options) => {
  const input = inputOf(file, options);
  const surveyed = await survey(input, options.skipBad === true);
  if (surveyed.bad > 0)
    console.error(
      `${surveyed.problems.join('\n')}\nLeft out: ${thousands(surveyed.bad)} of ${thousands(surveyed.good + surveyed.bad)} lines.\n`,
    );
  const gateway = createGateway(options);
  const fileId = await gateway.upload(`${basename(file).replace(/\.\w+$/, '')}.jsonl`, linesToSend(input));
  const batch = await create(gateway, fileId, surveyed.endpoint, options);
  if (options.wait === true) {
    console.error(`Batch ${batch.id}: ${thousands(surveyed.good)} items.`);
    return reportWhenDone(batch.id, options);
  }
  if (options.json === true) return report(batch, options);
  // The id alone on standard output, so that a script may keep it.
  console.log(batch.id);
  console.error(`\n${thousands(surveyed.good)} items are accepted. ${advice(batch) ?? ''}`);
});

function inputOf(file: string, options: Options): InputOptions {
  return {
    file,
    ...(options.template === undefined ? {} : { template: loadTemplate(options.template) }),
    ...(options.model === undefined ? {} : { model: options.model }),
    ...(options.id === undefined ? {} : { idColumn: options.id }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  };
}

export function loadTemplate(file: string): Template {
  const text = readFileSync(file, 'utf8');
  try {
    return readTemplate(JSON.parse(text));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : 'unreadable';
    throw new ConfigError(
      `The template ${file} is not JSON: ${reason}. Mend it, with quotes around each {{place}}.`,
    );
  }
}

const mostTries = 4;

/** With one key for all tries, so that an answer that was lost on its way makes no second batch. */
async function create(
  gateway: Gateway,
  fileId: string,
  endpoint: string,
  options: Options,
): Promise<BatchView> {
  const headers = {
    'idempotency-key': options.idempotencyKey ?? randomUUID(),
    ...(options.tag === undefined ? {} : { 'x-intermodal-tags': options.tag.join(',') }),
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return await gateway.create({ fileId, endpoint, window: options.window }, headers);
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown;
      if (thrown instanceof UnreachableError && attempt < mostTries) continue;
      throw new ConfigError(
        `${thrown.message}\nThe file is uploaded (${fileId}), and no batch is known to be made of it.`,
      );
    }
  }
}
