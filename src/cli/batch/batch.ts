/** `intermodal batch`: submits batches to a running gateway and follows them. */
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { asNumber } from '../../core/json.ts';
import { parseCount, thousands } from '../amounts.ts';
import { ConfigError } from '../config-error.ts';
import { deadLetters } from './dead-letters.ts';
import { addGatewayOptions, createGateway, type Gateway } from './gateway.ts';
import { type ReportOptions, report, reportWhenDone } from './report.ts';
import { parseEvery, submit } from './submit.ts';
import { batchesTable, finalStatuses } from './view.ts';

const status = addGatewayOptions(
  new Command('status')
    .description('Show a batch: its items, its cost, and what may be done next.')
    .argument('<batch>', 'its id')
    .option('--wait', 'wait for its end; exit code 2 if items failed')
    .option('--every <time>', 'how often to look while waiting', parseEvery, 5000),
).action(async (id: string, options: ReportOptions & { wait?: boolean; every: number }) => {
  if (options.wait === true) return reportWhenDone(id, options);
  report(await createGateway(options).batch(id), options);
});

const results = addGatewayOptions(
  new Command('results')
    .description('Fetch the results of a batch that has ended.')
    .argument('<batch>', 'its id')
    .option('--output <file>', 'where results go; else to standard output')
    .option('--errors <file>', 'where failed items go'),
).action(async (id: string, options: ReportOptions & { output?: string; errors?: string }) => {
  const gateway = createGateway(options);
  const batch = await gateway.batch(id);
  if (!finalStatuses.has(batch.status))
    throw new ConfigError(
      `The batch ${id} is ${batch.status}, and has no results yet. Wait for them: intermodal batch status ${id} --wait`,
    );
  const written: Record<string, string | null> = {};
  // Whoever asks for failed items alone gets nothing else.
  if (options.errors === undefined || options.output !== undefined)
    written['output'] = await save(gateway, batch.outputFile, options.output);
  if (options.errors !== undefined) written['errors'] = await save(gateway, batch.errorFile, options.errors);
  if (options.json === true && (options.output !== undefined || options.errors !== undefined))
    console.log(JSON.stringify({ batch: id, ...written }));
  for (const [what, where] of Object.entries(written))
    if (where === null)
      console.error(
        `The batch ${id} (${batch.status}) has no ${what === 'errors' ? 'failed items' : 'results'}.`,
      );
    else if (where !== '-' && options.json !== true) console.error(`Written: ${where}`);
  if (written['output'] === null) process.exitCode = 1;
});

/** Where it went; `null` where there is nothing. A file is there whole or not at all. */
async function save(
  gateway: Gateway,
  fileId: string | undefined,
  path: string | undefined,
): Promise<string | null> {
  if (fileId === undefined) return null;
  const content = await gateway.content(fileId);
  if (path === undefined) {
    await pipeline(content, process.stdout, { end: false });
    return '-';
  }
  await pipeline(content, createWriteStream(`${path}.part`));
  await rename(`${path}.part`, path);
  return path;
}

const cancel = addGatewayOptions(
  new Command('cancel').description('Stop a batch; what is done is kept.').argument('<batch>', 'its id'),
).action(async (id: string, options: ReportOptions) => {
  const batch = await createGateway(options).cancel(id);
  if (options.json === true) console.log(JSON.stringify(batch.raw));
  else
    console.log(`The batch ${id} is ${batch.status}. What was done is kept: intermodal batch status ${id}`);
});

const retryDead = addGatewayOptions(
  new Command('retry-dead')
    .description('Try the failed items of a batch again.')
    .argument('<batch>', 'its id'),
).action(async (id: string, options: ReportOptions) => {
  const answer = await createGateway(options).retryDead(id);
  if (options.json === true) return console.log(JSON.stringify(answer));
  const count = asNumber(answer['retried']);
  if (count === 0) return console.log(`The batch ${id} has no failed items that could be tried again.`);
  const what = count === undefined ? 'The failed items' : `${thousands(count)} failed items`;
  console.log(`${what} of ${id} are tried again. Follow it: intermodal batch status ${id} --wait`);
});

const list = addGatewayOptions(
  new Command('list')
    .description('List batches, the newest first.')
    .option('--limit <count>', 'how many', parseCount, 20)
    .option('--after <batch>', 'those before this one'),
).action(async (options: ReportOptions & { limit: number; after?: string }) => {
  const { batches, hasMore } = await createGateway(options).list(options.limit, options.after);
  if (options.json === true) return console.log(JSON.stringify(batches.map(({ raw }) => raw)));
  if (batches.length === 0)
    return console.error('There are no batches. Submit one: intermodal batch submit items.jsonl');
  console.log(batchesTable(batches));
  if (hasMore) console.error(`\nThere are more: intermodal batch list --after ${batches.at(-1)?.id}`);
});

export const batch = new Command('batch').description(
  'Submit batches to a running gateway, and follow them.',
);
for (const command of [submit, status, results, cancel, deadLetters, retryDead, list])
  batch.addCommand(command);
