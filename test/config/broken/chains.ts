/** Chains and the targets in them. */
import type { Broken } from './broken.ts';

export const chains: readonly Broken[] = [
  {
    name: 'a misspelt provider',
    yaml: `providers:
  openai:
    type: openai
  anthropic:
    type: anthropic
routes:
  classify:
    chain:
      - openai/gpt-4.1-nano
      - antropic/claude-haiku-4-5
`,
    says: ['10:9 routes.classify.chain[1]: unknown provider "antropic". Did you mean "anthropic"?'],
  },
  {
    name: 'a provider that is not configured',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini, bedrock/us.amazon.nova-pro-v1:0]
`,
    says: ['6:34 routes.chat.chain[1]: unknown provider "bedrock". Configured: openai.'],
  },
  {
    name: 'a model without its provider',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [gpt-4.1-mini]
`,
    says: ['6:13 routes.chat.chain[0]: "gpt-4.1-mini" is not a target. Did you mean "openai/gpt-4.1-mini"?'],
  },
  {
    name: 'a provider without a model',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/]
`,
    says: ['6:13 routes.chat.chain[0]: "openai/" is not a target. Write provider/model.'],
  },
  {
    name: 'an empty chain',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: []
`,
    says: ['6:12 routes.chat.chain: the list is empty. Write at least one entry.'],
  },
  {
    name: 'no chain',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    budget: 30s
`,
    says: ['6:5 routes.chat: "chain" is missing. It must be a list.'],
  },
  {
    name: 'a chain that is one text',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: openai/gpt-4.1-mini
`,
    says: ['6:12 routes.chat.chain: "openai/gpt-4.1-mini" is not a list. Write a list.'],
  },
  {
    name: 'a misspelt mode',
    yaml: `providers:
  openai:
    type: openai
routes:
  classify:
    chain: [openai/gpt-4.1-nano@bacth]
`,
    says: ['6:13 routes.classify.chain[0]: unknown mode "bacth". Did you mean "batch"?'],
  },
  {
    name: 'a weight of zero',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain:
      - split:
          - { target: openai/gpt-4.1, weight: 0 }
          - { target: openai/gpt-4.1-mini, weight: 10 }
`,
    says: ['8:47 routes.chat.chain[0].split[0].weight: 0 is not a weight. Write a number over 0.'],
  },
  {
    name: 'a misspelt key in a split',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain:
      - split:
          - { target: openai/gpt-4.1, wieght: 5 }
`,
    says: ['8:39 routes.chat.chain[0].split[0].wieght: unknown key "wieght". Did you mean "weight"?'],
  },
  {
    name: 'an empty split',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain:
      - split: []
`,
    says: [
      '7:16 routes.chat.chain[0].split: the split is empty. Write provider/model, or {split: [{target: provider/model, weight: 80}, …]}.',
    ],
  },
  {
    name: 'a number in a chain',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1, 7]
`,
    says: [
      '6:29 routes.chat.chain[1]: 7 is not an entry of a chain. Write provider/model, or {split: [{target: provider/model, weight: 80}, …]}.',
    ],
  },
  {
    name: 'a star where there is no name to take',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/*]
`,
    says: [
      '6:13 routes.chat.chain[0]: "openai/*" takes the caller’s model name, but the route’s name has no *. Name a model, or give the route a pattern for a name.',
    ],
  },
  {
    name: 'a star inside a model',
    yaml: `providers:
  openai:
    type: openai
routes:
  "gpt-*":
    chain: [openai/gpt-4.1-*]
`,
    says: [
      '6:13 routes["gpt-*"].chain[0]: "openai/gpt-4.1-*" has a * inside the model. Write openai/* to take the caller’s model name.',
    ],
  },
  {
    name: 'embeddings of a provider that has none',
    yaml: `providers:
  anthropic:
    type: anthropic
routes:
  embed:
    chain: [anthropic/text-embedding-3-small]
`,
    says: [
      '6:13 routes.embed.chain[0]: "anthropic/text-embedding-3-small" cannot be called: provider "anthropic" offers no embeddings. Name another provider or model.',
    ],
  },
  {
    name: 'flex where a model, a location or a provider has none',
    yaml: `providers:
  openai:
    type: openai
  vertex: { type: vertex, project: acme, location: europe-west4, access_token: t }
  anthropic:
    type: anthropic
routes:
  chat:
    chain:
      - openai/gpt-5-mini@flex
      - openai/gpt-4.1-mini@flex
      - vertex/gemini-2.5-flash@flex
      - anthropic/claude-haiku-4-5@flex
`,
    says: [
      '11:9 routes.chat.chain[1]: "openai/gpt-4.1-mini@flex" cannot be called: provider "openai" has no flex tier for it, as configured. Write it without @flex.',
      '12:9 routes.chat.chain[2]: "vertex/gemini-2.5-flash@flex" cannot be called: provider "vertex" has no flex tier for it, as configured. Write it without @flex.',
      '13:9 routes.chat.chain[3]: "anthropic/claude-haiku-4-5@flex" cannot be called: provider "anthropic" has no flex tier for it, as configured. Write it without @flex.',
    ],
  },
];
