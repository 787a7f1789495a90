/** Budgets: whose they are, what they cap, from when to when. */
import type { Broken } from './broken.ts';

const head = `providers:
  openai: { type: openai }
  anthropic: { type: anthropic }
routes:
  chat: { chain: [openai/gpt-4.1-mini, anthropic/claude-haiku-4-5] }
  "gpt-*": { chain: [openai/*] }
`;

/** What stands behind `head`, from line 7 on. */
const row = (name: string, yaml: string, ...says: readonly string[]): Broken => ({
  name,
  yaml: `${head}${yaml}\n`,
  says,
});

export const budgets: readonly Broken[] = [
  row(
    'a budget without a scope',
    `budgets:
  - { daily: $20 }`,
    '8:5 budgets[0]: "scope" is missing. Allowed: all, key, team, route, provider, tag.',
  ),
  row(
    'a budget of a misspelt scope',
    `budgets:
  - { scope: keys, key: search, daily: $20 }`,
    '8:14 budgets[0].scope: "keys" is not allowed here. Did you mean "key"?',
  ),
  row(
    'a budget of an unknown scope',
    `budgets:
  - { scope: model, daily: $20 }`,
    '8:14 budgets[0].scope: "model" is not allowed here. Allowed: all, key, team, route, provider, tag.',
  ),
  row(
    'a budget without an owner',
    `budgets:
  - { scope: key, daily: $20 }`,
    '8:5 budgets[0]: "key" is missing. Name the key, or write "*" for each.',
  ),
  row(
    'a budget with another owner',
    `budgets:
  - { scope: all, route: chat, daily: $20 }`,
    '8:26 budgets[0].route: "route" does not belong to scope all. Remove it, or set scope to route.',
  ),
  row(
    'a budget with two owners',
    `budgets:
  - { scope: key, key: search, team: apps, daily: $20 }`,
    '8:38 budgets[0].team: "team" does not belong to scope key. Remove it, or set scope to team.',
  ),
  row(
    'a budget of a misspelt route',
    `budgets:
  - { scope: route, route: chatt, daily: $20 }`,
    '8:28 budgets[0].route: unknown route "chatt". Did you mean "chat"?',
  ),
  row(
    'a budget of an unknown provider',
    `budgets:
  - { scope: provider, provider: bedrock, monthly: $20 }`,
    '8:34 budgets[0].provider: unknown provider "bedrock". Configured: openai, anthropic.',
  ),
  row(
    'a budget with no cap',
    `budgets:
  - { scope: all }`,
    '8:5 budgets[0]: the budget has no cap. Add daily, weekly or monthly, such as daily: $20.',
  ),
  row(
    'a budget of nothing',
    `budgets:
  - { scope: all, daily: $0 }`,
    '8:26 budgets[0].daily: a cap of $0 refuses everything. Write more than $0, or remove the cap.',
  ),
  row(
    'a budget without its dollar sign',
    `budgets:
  - { scope: all, daily: 20 }`,
    '8:26 budgets[0].daily: 20 is not an amount of money. Write dollars, such as $20 or $0.50.',
  ),
  row(
    'a budget in euro',
    `budgets:
  - { scope: all, daily: 20€ }`,
    '8:26 budgets[0].daily: "20€" is not an amount of money. Write dollars, such as $20 or $0.50.',
  ),
  row(
    'a budget with commas',
    `budgets:
  - { scope: all, monthly: "$3,000" }`,
    '8:28 budgets[0].monthly: "$3,000" is not an amount of money. Write dollars, such as $20 or $0.50.',
  ),
  row(
    'a misspelt period',
    `budgets:
  - { scope: all, dayly: $20 }`,
    '8:19 budgets[0].dayly: unknown key "dayly". Did you mean "daily"?',
  ),
  row(
    'another period',
    `budgets:
  - { scope: all, hourly: $20 }`,
    '8:19 budgets[0].hourly: unknown key "hourly". Allowed: scope, key, team, route, provider, tag, daily, weekly, monthly, per_batch, zone, hard, alerts.',
  ),
  row(
    'a zone that is none',
    `budgets:
  - { scope: all, daily: $20, zone: Europe/Berln }`,
    '8:37 budgets[0].zone: "Europe/Berln" is not a time zone. Did you mean "Europe/Berlin"?',
  ),
  row(
    'a zone by its letters',
    `budgets:
  - { scope: all, daily: $20, zone: Berlin }`,
    '8:37 budgets[0].zone: "Berlin" is not a time zone. Did you mean "Europe/Berlin"?',
  ),
  row(
    'two budgets of one owner',
    `budgets:
  - { scope: all, daily: $20 }
  - { scope: all, daily: $30, monthly: $100 }`,
    '9:26 budgets[1].daily: budgets[0] has a daily cap for all already. Keep one of them.',
  ),
  row(
    'hard as a word',
    `budgets:
  - { scope: all, daily: $20, hard: soft }`,
    '8:37 budgets[0].hard: "soft" is not true or false. Write true or false.',
  ),
  row(
    'an alert over the cap',
    `budgets:
  - { scope: all, daily: $20, alerts: [80%, 120%] }`,
    '8:45 budgets[0].alerts[1]: "120%" is not a share. Write a percentage or a number from 0 to 1, such as 50% or 0.5.',
  ),
  row(
    'a mapping of budgets',
    `budgets:
  all: { daily: $20 }`,
    '8:3 budgets: a mapping is not a list. Write a list.',
  ),
  row(
    'a budget of a pattern of keys',
    `budgets:
  - { scope: key, key: search-*, daily: $20 }`,
    '8:24 budgets[0].key: "search-*" is a pattern, and a budget is of one key or of each. Write one name, or "*".',
  ),
  row(
    'a budget of nobody',
    `budgets:
  - { scope: team, team: "", daily: $20 }`,
    '8:26 budgets[0].team: "" is empty. Write a text.',
  ),
  row(
    'two budgets of one key',
    `budgets:
  - { scope: key, key: search, daily: $20 }
  - { scope: key, key: search, daily: $30 }`,
    '9:39 budgets[1].daily: budgets[0] has a daily cap for key search already. Keep one of them.',
  ),
  row(
    'a budget that is a text',
    `budgets:
  - $20 a day`,
    '8:5 budgets[0]: "$20 a day" is not a mapping. Write a mapping.',
  ),
  {
    name: 'what a route does over budget, in other words',
    yaml: `providers:
  openai: { type: openai }
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    over_budget: nxt
    reserve: average
    known_prices: only
`,
    says: [
      '6:18 routes.chat.over_budget: "nxt" is not allowed here. Did you mean "next"?',
      '7:14 routes.chat.reserve: "average" is not allowed here. Allowed: worst, expected.',
      '8:19 routes.chat.known_prices: "only" is not true or false. Write true or false.',
    ],
  },
];
