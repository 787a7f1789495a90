/** `intermodal keys`: makes, lists and revokes the keys by which callers are known. */
import { Command } from 'commander';
import { mostADay, mostAMinute } from '../config/capacity.ts';
import { systemClock } from '../core/clock.ts';
import { makeKey } from '../core/key.ts';
import type { KeyBudgets, KeyLimits, KeyRecord } from '../stores/contract.ts';
import { parseBudget, parseCount, parseList, parseRate, parseSpan } from './amounts.ts';
import { ConfigError } from './config-error.ts';
import { keyJson, keysTable } from './keys-table.ts';
import { addStoreOptions, requireStore, type StoreOptions, storeUrl, withStores } from './store-url.ts';

interface CreateOptions extends StoreOptions {
  readonly name: string;
  readonly team?: string;
  readonly budget?: KeyBudgets;
  readonly rpm?: number;
  readonly rpd?: number;
  readonly inputTpm?: number;
  readonly outputTpm?: number;
  readonly concurrent?: number;
  readonly routes?: readonly string[];
  readonly expires?: number;
  readonly admin?: boolean;
  readonly json?: boolean;
}

const create = new Command('create')
  .description('Make a key. It is shown once.')
  .requiredOption('--name <name>', 'what logs and reports call it')
  .option('--team <team>', 'what reports may group it by')
  .option(
    '--budget <dollars/period>',
    'such as 20/day; day, week or month; may be repeated',
    (text: string, before: KeyBudgets | undefined) => parseBudget(text, before ?? {}),
  )
  .option('--rpm <count>', 'requests a minute', parseRate(mostAMinute))
  .option('--rpd <count>', 'requests a day', parseRate(mostADay))
  .option('--input-tpm <count>', 'input tokens a minute, such as 400k', parseRate(mostAMinute))
  .option('--output-tpm <count>', 'output tokens a minute', parseRate(mostAMinute))
  .option('--concurrent <count>', 'requests at once', parseCount)
  .option(
    '--routes <names>',
    'routes that it may use, with commas between; * stands for any letters',
    parseList,
  )
  .option('--expires <time>', 'how long it lives, such as 90d', parseSpan)
  .option('--admin', 'may use the admin endpoints, and nothing else')
  .option('--json', 'print JSON')
  .action(async (options: CreateOptions) => {
    const made = makeKey(options.admin === true);
    const record = recordOf(options, made.id, made.hash);
    const created = await withStores(storeUrl(options), ({ keys }) => keys.create(record));
    if (!created) {
      throw new ConfigError(
        `There is a key named "${record.name}" already. Choose another name, or revoke it first: intermodal keys revoke ${record.name}`,
      );
    }
    if (options.json === true) {
      console.log(JSON.stringify({ key: made.text, ...keyJson(record, systemClock.now()) }));
      return;
    }
    // The key alone on standard output, so that a script may keep it; what a person should know beside it.
    console.log(made.text);
    console.error(
      `\nThis is the key "${record.name}" (${record.id}). It is shown this once: store it now. Callers send it as their API key.`,
    );
  });

const list = new Command('list')
  .description('List the keys, revoked and expired ones too.')
  .option('--json', 'print JSON')
  .action(async (options: StoreOptions & { json?: boolean }) => {
    const keys = await withStores(requireStore(storeUrl(options)), (stores) => stores.keys.list());
    const nowMs = systemClock.now();
    if (options.json === true) console.log(JSON.stringify(keys.map((key) => keyJson(key, nowMs))));
    else if (keys.length > 0) console.log(keysTable(keys, nowMs));
    else console.error('There are no keys yet. Make one: intermodal keys create --name my-app');
  });

const revoke = new Command('revoke')
  .description('Revoke a key, for good.')
  .argument('<name-or-id>', 'of the key')
  .option('--json', 'print JSON')
  .action(async (nameOrId: string, options: StoreOptions & { json?: boolean }) => {
    const revoked = await withStores(requireStore(storeUrl(options)), ({ keys }) =>
      keys.revoke(nameOrId, systemClock.now()),
    );
    if (!revoked) {
      throw new ConfigError(
        `There is no living key "${nameOrId}". See which there are: intermodal keys list`,
      );
    }
    if (options.json === true) console.log(JSON.stringify({ revoked: nameOrId }));
    else console.log(`The key "${nameOrId}" is revoked; gateways refuse it within seconds.`);
  });

export const keys = new Command('keys').description('Make, list and revoke the keys of callers.');
for (const command of [create, list, revoke]) keys.addCommand(addStoreOptions(command));

/** What a name may be: it stands in logs, in reports and in the arguments of a shell. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function recordOf(options: CreateOptions, id: string, hash: string): KeyRecord {
  for (const [what, name] of [
    ['name', options.name],
    ['team', options.team],
  ]) {
    if (name !== undefined && !nameForm.test(name)) {
      throw new ConfigError(
        `The ${what} "${name}" cannot be used. Write up to 64 letters, digits, dots, dashes and underscores.`,
      );
    }
  }
  const limits: KeyLimits = {
    ...(options.rpm === undefined ? {} : { requestsPerMinute: options.rpm }),
    ...(options.rpd === undefined ? {} : { requestsPerDay: options.rpd }),
    ...(options.inputTpm === undefined ? {} : { inputTokensPerMinute: options.inputTpm }),
    ...(options.outputTpm === undefined ? {} : { outputTokensPerMinute: options.outputTpm }),
    ...(options.concurrent === undefined ? {} : { concurrent: options.concurrent }),
  };
  const budgets = options.budget ?? {};
  const bound = Object.keys(limits).length + Object.keys(budgets).length > 0 || options.routes !== undefined;
  if (options.admin === true && bound) {
    throw new ConfigError(
      'An admin key calls no model, so limits, budgets and routes mean nothing on it. Leave them out, or make two keys.',
    );
  }
  const nowMs = systemClock.now();
  return {
    id,
    name: options.name,
    hash,
    ...(options.team === undefined ? {} : { team: options.team }),
    admin: options.admin === true,
    ...(options.routes === undefined ? {} : { routes: options.routes }),
    limits,
    budgets,
    createdAtMs: nowMs,
    ...(options.expires === undefined ? {} : { expiresAtMs: nowMs + options.expires }),
  };
}
