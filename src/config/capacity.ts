/** The sections on capacity and money, as a user writes them: limits, budgets, prices. */
import { z } from 'zod';
import { isZone } from '../limits/window.ts';
import { suggest } from './suggest.ts';
import { count, money, share } from './units.ts';

/** Levels of buckets are whole numbers of a token’s parts, a millisecond of the period each; beyond these they would not be exact. */
export const mostAMinute = 100e9;
export const mostADay = 100e6;

const limitFields = z.strictObject({
  rpm: count.optional().describe('Requests a minute.'),
  rpd: count.optional().describe('Requests a day.'),
  input_tpm: count.optional().describe('Input tokens a minute.'),
  output_tpm: count.optional().describe('Output tokens a minute.'),
  tpm: count.optional().describe('Tokens a minute, input and output together.'),
  concurrent: count.optional().describe('Requests that run at once.'),
  burst: share
    .prefault('97%')
    .describe('How much of a limit may be used at once. Less for providers that count by the second.'),
  headroom: share
    .prefault('70%')
    .describe('How much of it work of low priority may use; the rest is kept for requests that wait.'),
  batch: z
    .strictObject({
      concurrent: count.optional().describe('Batches that run at once.'),
      enqueued_tokens: count.optional().describe('Tokens in batches that run.'),
      requests: count.optional().describe('Requests in one batch.'),
    })
    .optional()
    .describe('Of the provider’s batch API.'),
});

type Complain = (path: string[], message: string, fix: string, hollow?: boolean) => void;

/** `hollow`: said of a mapping that lacks something, which may stand there misspelt. */
const complainTo =
  (context: z.RefinementCtx): Complain =>
  (path, message, fix, hollow = false) =>
    context.addIssue({ code: 'custom', path, message, params: { fix, hollow } });

const rates = [
  ['rpm', mostAMinute, '100G a minute'],
  ['rpd', mostADay, '100M a day'],
  ['input_tpm', mostAMinute, '100G a minute'],
  ['output_tpm', mostAMinute, '100G a minute'],
  ['tpm', mostAMinute, '100G a minute'],
] as const;

export const limits = limitFields.superRefine((value, context) => {
  const complain = complainTo(context);
  const { burst, headroom, ...limited } = value;
  if (Object.values(limited).every((one) => one === undefined))
    complain([], 'nothing is limited here', 'Add rpm, rpd, input_tpm, output_tpm, tpm or concurrent.', true);
  for (const [key, most, words] of rates)
    if ((value[key] ?? 0) > most)
      complain(
        [key],
        `${key} is too large to be counted exactly`,
        `Write at most ${words}, or leave it out.`,
      );
  if (burst === 0) complain(['burst'], 'a burst of 0 lets nothing through', 'Write a share such as 97%.');
});

const zone = z
  .string()
  .superRefine((name, context) => {
    if (isZone(name)) return;
    const params = { not: 'a time zone', fix: zoneFix(name) };
    context.addIssue({ code: 'custom', message: 'not a time zone', params });
  })
  .default('UTC')
  .describe('Time zone in which days, weeks (Monday first) and months begin.');

/** A city may stand for its zone. */
function zoneFix(name: string): string {
  const zones = Intl.supportedValuesOf('timeZone');
  const city = zones.find((one) => one.toLowerCase().endsWith(`/${name.toLowerCase().replaceAll(' ', '_')}`));
  if (city !== undefined) return `Did you mean "${city}"?`;
  const fix = suggest(name, zones);
  return fix.startsWith('Did') ? fix : 'Write a name such as UTC, Europe/Berlin or America/New_York.';
}

const periods = ['daily', 'weekly', 'monthly', 'per_batch'] as const;
export const scopes = ['all', 'key', 'team', 'route', 'provider', 'tag'] as const;

export const budget = z
  .strictObject({
    scope: z.enum(scopes).describe('Whose spending is counted.'),
    key: z.string().min(1).optional().describe('Name of a key; * for each key by itself.'),
    team: z.string().min(1).optional().describe('Name of a team; * for each.'),
    route: z.string().min(1).optional().describe('Name of a route; * for each.'),
    provider: z.string().min(1).optional().describe('Name of a provider; * for each.'),
    tag: z.string().min(1).optional().describe('One of x-intermodal-tags; * for each.'),
    daily: money.optional().describe('Most that may be spent in a day.'),
    weekly: money.optional().describe('Most that may be spent in a week.'),
    monthly: money.optional().describe('Most that may be spent in a month.'),
    per_batch: money.optional().describe('Most that one batch may cost.'),
    zone,
    hard: z.boolean().default(true).describe('False: it counts and warns, and refuses nobody.'),
    alerts: z
      .array(share)
      .prefault(['80%', '100%'])
      .describe('Shares of the cap at which a warning is logged and counted.'),
  })
  .superRefine((value, context) => {
    const complain = complainTo(context);
    if (periods.every((period) => value[period] === undefined))
      complain([], 'the budget has no cap', 'Add daily, weekly or monthly, such as daily: $20.', true);
    for (const period of periods)
      if (value[period] === 0)
        complain([period], 'a cap of $0 refuses everything', 'Write more than $0, or remove the cap.');
    for (const scope of scopes) {
      if (scope === 'all') continue;
      const owner = value[scope];
      if (scope !== value.scope && owner !== undefined)
        complain(
          [scope],
          `"${scope}" does not belong to scope ${value.scope}`,
          `Remove it, or set scope to ${scope}.`,
        );
      if (scope !== value.scope) continue;
      if (owner === undefined)
        complain([], `"${scope}" is missing`, `Name the ${scope}, or write "*" for each.`, true);
      // Names of keys and teams hold no *, so nothing would ever be counted.
      if ((scope === 'key' || scope === 'team') && owner !== '*' && owner?.includes('*') === true)
        complain(
          [scope],
          `"${owner}" is a pattern, and a budget is of one ${scope} or of each`,
          'Write one name, or "*".',
        );
    }
  });

/** Dollars for a million tokens. */
export const price = z.strictObject({
  input: money.describe('For a million tokens of input that no cache served.'),
  output: money.describe('For a million tokens of output.'),
  cache_read: money.optional().describe('Of input read from a prompt cache; left out: as input.'),
  cache_write: money.optional().describe('Of input written to one; left out: as input.'),
  cache_write_1h: money.optional().describe('Of input written for an hour; left out: as cache_write.'),
  batch: share.prefault('50%').describe('Of these prices, by the provider’s batch API.'),
  flex: share.prefault('50%').describe('Of these prices, in flex mode.'),
});
