/** `intermodal batch dead-letters`: which items of a batch were given up, and after what. */
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { asArray, asNumber, asObject, asString } from '../../core/json.ts';
import { parseCount, thousands } from '../amounts.ts';
import { ConfigError } from '../config-error.ts';
import { table } from '../table.ts';
import { addGatewayOptions, createGateway, type Gateway } from './gateway.ts';
import type { ReportOptions } from './report.ts';

type Letter = Readonly<Record<string, unknown>>;

/** Of one look at the gateway. */
const pageLetters = 500;
/** What a terminal shows of an error; the file has all of it. */
const mostShown = 120;

export const deadLetters = addGatewayOptions(
  new Command('dead-letters')
    .description('List the items of a batch that were given up, each with its attempts.')
    .argument('<batch>', 'its id')
    .option('--limit <count>', 'how many, at most 500', parseCount, 20)
    .option('--output <file>', 'write all of them there, as JSONL'),
).action(async (id: string, options: ReportOptions & { limit: number; output?: string }) => {
  const gateway = createGateway(options);
  if (options.output !== undefined) return save(gateway, id, options.output, options.json === true);
  const { letters, hasMore } = await gateway.deadLetters(id, 0, Math.min(options.limit, pageLetters));
  if (options.json === true) return console.log(JSON.stringify(letters));
  if (letters.length === 0) return console.error(`The batch ${id} has no dead letters.`);
  console.log(lettersTable(letters));
  if (hasMore) console.error(`\nThere are more: intermodal batch dead-letters ${id} --output FILE`);
  console.error(`\nTry them again: intermodal batch retry-dead ${id}`);
});

async function save(gateway: Gateway, id: string, path: string, json: boolean): Promise<void> {
  let written = 0;
  async function* lines(): AsyncGenerator<string> {
    for await (const letter of allLetters(gateway, id)) {
      written += 1;
      yield `${JSON.stringify(letter)}\n`;
    }
  }
  await pipeline(lines(), createWriteStream(`${path}.part`));
  await rename(`${path}.part`, path);
  if (json) console.log(JSON.stringify({ batch: id, output: path, dead_letters: written }));
  else console.error(`Written: ${path} (${thousands(written)} dead letters)`);
}

async function* allLetters(gateway: Gateway, id: string): AsyncGenerator<Letter> {
  let after = 0;
  // Ends: each page begins after the last line of the one before, or it is refused.
  for (;;) {
    const { letters, hasMore } = await gateway.deadLetters(id, after, pageLetters);
    yield* letters;
    if (!hasMore) return;
    const last = asNumber(letters.at(-1)?.['line']);
    if (last === undefined || last <= after)
      throw new ConfigError(`The gateway does not say what comes after line ${after} of ${id}; mend --url.`);
    after = last;
  }
}

function lettersTable(letters: readonly Letter[]): string {
  const rows = letters.map((letter) => {
    const attempts = asArray(letter['attempts']);
    const { code, message } = asObject(letter['error']);
    const said = plain(`${asString(code) ?? ''}: ${asString(message) ?? ''}`);
    return [
      String(asNumber(letter['line']) ?? ''),
      plain(asString(letter['custom_id']) ?? ''),
      String(attempts.length),
      asString(asObject(attempts.at(-1))['target']) ?? '-',
      said.length > mostShown ? `${said.slice(0, mostShown)}…` : said,
    ];
  });
  return table(
    ['line', 'custom_id', 'attempts', 'last target', 'error'],
    rows,
    new Set(['line', 'attempts']),
  );
}

/** On one line, and nothing that a terminal would obey: ids are their caller's, messages a provider's. */
function plain(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\p{Cc}/gu, '·');
}
