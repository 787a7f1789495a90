/** Limits and prices. */
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

export const capacity: readonly Broken[] = [
  row(
    'a limit of a misspelt provider',
    `limits:
  opnai: { rpm: 500 }`,
    '8:3 limits.opnai: unknown provider "opnai". Did you mean "openai"?',
  ),
  row(
    'a limit of a misspelt provider, with its model',
    `limits:
  antropic/claude-haiku-4-5: { rpm: 500 }`,
    '8:3 limits["antropic/claude-haiku-4-5"]: unknown provider "antropic". Did you mean "anthropic"?',
  ),
  row(
    'a limit of a model without its provider',
    `limits:
  gpt-4.1-mini: { rpm: 500 }`,
    '8:3 limits["gpt-4.1-mini"]: unknown provider "gpt-4.1-mini". Did you mean "openai/gpt-4.1-mini"?',
  ),
  row(
    'a limit of a pattern',
    `limits:
  openai/*: { rpm: 500 }`,
    '8:3 limits["openai/*"]: "openai/*" is a pattern, and limits are of one model. Write openai/model, or openai for all its models.',
  ),
  row(
    'a limit of a mode',
    `limits:
  openai/gpt-4.1-mini@batch: { rpm: 500 }`,
    '8:3 limits["openai/gpt-4.1-mini@batch"]: "openai/gpt-4.1-mini@batch" names a mode. Write openai/gpt-4.1-mini; limits of the batch API stand under its batch.',
  ),
  row(
    'a limit of a provider and no model',
    `limits:
  openai/: { rpm: 500 }`,
    '8:3 limits["openai/"]: "openai/" names no model. Write openai/model, or openai for all its models.',
  ),
  row(
    'a misspelt limit',
    `limits:
  openai: { rmp: 500 }`,
    '8:13 limits.openai.rmp: unknown key "rmp". Did you mean "rpm"?',
  ),
  row(
    'a limit in another words',
    `limits:
  openai: { max_rpm: 500, tokens_per_minute: 1k }`,
    '8:13 limits.openai.max_rpm: unknown key "max_rpm". Allowed: rpm, rpd, input_tpm, output_tpm, tpm, concurrent, burst, headroom, batch.',
    '8:27 limits.openai.tokens_per_minute: unknown key "tokens_per_minute". Allowed: rpm, rpd, input_tpm, output_tpm, tpm, concurrent, burst, headroom, batch.',
  ),
  row(
    'a negative limit',
    `limits:
  openai: { rpm: -5 }`,
    '8:18 limits.openai.rpm: -5 is not a count. Write a whole number over zero, or one with k, M or G, such as 32000, 400k or 1.5M.',
  ),
  row(
    'a limit with a unit',
    `limits:
  openai: { rpm: 500/min }`,
    '8:18 limits.openai.rpm: "500/min" is not a count. Write a whole number over zero, or one with k, M or G, such as 32000, 400k or 1.5M.',
  ),
  row(
    'a limit that is too large to count',
    `limits:
  openai: { rpd: 200M }`,
    '8:18 limits.openai.rpd: rpd is too large to be counted exactly. Write at most 100M a day, or leave it out.',
  ),
  row(
    'a limit a minute that is too large',
    `limits:
  openai: { tpm: 1T }`,
    '8:18 limits.openai.tpm: tpm is too large to be counted exactly. Write at most 100G a minute, or leave it out.',
  ),
  row(
    'a provider with no limit',
    `limits:
  openai:`,
    '8:3 limits.openai: nothing stands here. Write a mapping.',
  ),
  row(
    'a provider with an empty limit',
    `limits:
  openai: {}`,
    '8:11 limits.openai: nothing is limited here. Add rpm, rpd, input_tpm, output_tpm, tpm or concurrent.',
  ),
  row(
    'limits that only say headroom',
    `limits:
  openai: { headroom: 50% }`,
    '8:11 limits.openai: nothing is limited here. Add rpm, rpd, input_tpm, output_tpm, tpm or concurrent.',
  ),
  row(
    'a burst over the whole',
    `limits:
  openai: { rpm: 500, burst: 120% }`,
    '8:30 limits.openai.burst: "120%" is not a share. Write a percentage or a number from 0 to 1, such as 50% or 0.5.',
  ),
  row(
    'a burst of nothing',
    `limits:
  openai: { rpm: 500, burst: 0 }`,
    '8:30 limits.openai.burst: a burst of 0 lets nothing through. Write a share such as 97%.',
  ),
  row(
    'a headroom in words',
    `limits:
  openai: { rpm: 500, headroom: most }`,
    '8:33 limits.openai.headroom: "most" is not a share. Write a percentage or a number from 0 to 1, such as 50% or 0.5.',
  ),
  row(
    'batch limits misspelt',
    `limits:
  openai: { batch: { concurent: 5 } }`,
    '8:22 limits.openai.batch.concurent: unknown key "concurent". Did you mean "concurrent"?',
  ),
  row(
    'a price of an unknown provider',
    `prices:
  opnai/gpt-4.1-mini: { input: $1, output: $2 }`,
    '8:3 prices["opnai/gpt-4.1-mini"]: unknown provider "opnai". Did you mean "openai"?',
  ),
  row(
    'a price of a provider',
    `prices:
  openai: { input: $1, output: $2 }`,
    '8:3 prices.openai: "openai" names no model. Write openai/model.',
  ),
  row(
    'a price of a model without its provider',
    `prices:
  gpt-4.1-mini: { input: $1, output: $2 }`,
    '8:3 prices["gpt-4.1-mini"]: unknown provider "gpt-4.1-mini". Did you mean "openai/gpt-4.1-mini"?',
  ),
  row(
    'a price of a mode',
    `prices:
  openai/gpt-4.1-mini@batch: { input: $1, output: $2 }`,
    '8:3 prices["openai/gpt-4.1-mini@batch"]: "openai/gpt-4.1-mini@batch" names a mode. Write openai/gpt-4.1-mini; its batch and flex are shares of the price.',
  ),
  row(
    'a price of a pattern',
    `prices:
  openai/gpt-*: { input: $1, output: $2 }`,
    '8:3 prices["openai/gpt-*"]: "openai/gpt-*" is a pattern, and prices are of one model. Write openai/model.',
  ),
  row(
    'a price without output',
    `prices:
  openai/gpt-4.1-mini: { input: $1 }`,
    '8:24 prices["openai/gpt-4.1-mini"]: "output" is missing. Write dollars, such as $20 or $0.50.',
  ),
  row(
    'a price without its dollar sign',
    `prices:
  openai/gpt-4.1-mini: { input: 0.4, output: 1.6 }`,
    '8:33 prices["openai/gpt-4.1-mini"].input: 0.4 is not an amount of money. Write dollars, such as $20 or $0.50.',
    '8:46 prices["openai/gpt-4.1-mini"].output: 1.6 is not an amount of money. Write dollars, such as $20 or $0.50.',
  ),
  row(
    'a price misspelt',
    `prices:
  openai/gpt-4.1-mini: { input: $1, ouput: $2 }`,
    '8:37 prices["openai/gpt-4.1-mini"].ouput: unknown key "ouput". Did you mean "output"?',
  ),
  row(
    'a price of a cache in another word',
    `prices:
  openai/gpt-4.1-mini: { input: $1, output: $2, cached_input: $1 }`,
    '8:49 prices["openai/gpt-4.1-mini"].cached_input: unknown key "cached_input". Allowed: input, output, cache_read, cache_write, cache_write_1h, batch, flex.',
  ),
  row(
    'a batch price in dollars',
    `prices:
  openai/gpt-4.1-mini: { input: $1, output: $2, batch: $1 }`,
    '8:56 prices["openai/gpt-4.1-mini"].batch: "$1" is not a share. Write a percentage or a number from 0 to 1, such as 50% or 0.5.',
  ),
];
