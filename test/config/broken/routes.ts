/** Routes, their rules, models, and everything together. */
import type { Broken } from './broken.ts';

export const routes: readonly Broken[] = [
  {
    name: 'a misspelt route key',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chian: [openai/gpt-4.1-mini]
`,
    says: ['6:5 routes.chat.chian: unknown key "chian". Did you mean "chain"?'],
  },
  {
    name: 'a misspelt key',
    yaml: `providers:
  openai:
    type: openai
routes:
  classify:
    chain: [openai/gpt-4.1-nano]
    cascades: { escalate: openai/gpt-4.1 }
`,
    says: ['7:5 routes.classify.cascades: unknown key "cascades". Did you mean "cascade"?'],
  },
  {
    name: 'a misspelt part of the complexity score',
    yaml: `providers:
  openai:
    type: openai
routes:
  classify:
    chain: [openai/gpt-4.1-nano]
    complexity: { weights: { lenght: 0.5 } }
`,
    says: ['7:30 routes.classify.complexity.weights.lenght: unknown key "lenght". Did you mean "length"?'],
  },
  {
    name: 'a cascade whose answers would be kept',
    yaml: `providers:
  openai:
    type: openai
routes:
  classify:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: logprobs }, escalate: openai/gpt-4.1 }
    cache: { for: 10m }
`,
    says: [
      '8:5 routes.classify.cache: answers of a cascade are not kept: which of its models answers is only known when it has. Remove cache, or the cascade.',
    ],
  },
  {
    name: 'an alias that is taken',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
  other:
    aliases: [fast, chat]
    chain: [openai/gpt-4.1]
`,
    says: [
      '8:21 routes.other.aliases[1]: "chat" already names route "chat". Give it another name, or remove it.',
    ],
  },
  {
    name: 'an alias of a pattern',
    yaml: `providers:
  openai:
    type: openai
routes:
  "gpt-*":
    aliases: [default]
    chain: [openai/*]
`,
    says: [
      '6:15 routes["gpt-*"].aliases[0]: "default" is an alias of a pattern, and a pattern has no one name. Make it a route of its own.',
    ],
  },
  {
    name: 'a duration without a unit',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    budget: 30
`,
    says: [
      '7:13 routes.chat.budget: 30 is not a duration. Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
    ],
  },
  {
    name: 'a duration in words',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    timeouts: { first_token: 15 seconds }
`,
    says: [
      '7:30 routes.chat.timeouts.first_token: "15 seconds" is not a duration. Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
    ],
  },
  {
    name: 'a duration of nothing',
    yaml: `timeouts: { connect: 0s }
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '1:22 timeouts.connect: "0s" is not a time over zero. Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
    ],
  },
  {
    name: 'a duration that no timer can hold',
    yaml: `timeouts: { total: 60d }
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '1:20 timeouts.total: "60d" is not a duration. Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
    ],
  },
  {
    name: 'an unknown word',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    on_content_filter: retrun
`,
    says: ['7:24 routes.chat.on_content_filter: "retrun" is not allowed here. Did you mean "return"?'],
  },
  {
    name: 'retry bounds the wrong way round',
    yaml: `retry: { base: 10s, cap: 2s }
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['1:26 retry.cap: cap is shorter than base. Make cap at least as long as base.'],
  },
  {
    name: 'too many rounds',
    yaml: `retry:
  rounds: 50
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['2:11 retry.rounds: 50 is too large. The most is 10.'],
  },
  {
    name: 'more than all',
    yaml: `breaker: { ratio: 150% }
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '1:19 breaker.ratio: "150%" is not a share. Write a percentage or a number from 0 to 1, such as 50% or 0.5.',
    ],
  },
  {
    name: 'a misspelt condition',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    rules:
      - when: { tag: canary }
        chain: [openai/gpt-4.1]
`,
    says: ['8:17 routes.chat.rules[0].when.tag: unknown key "tag". Did you mean "tags"?'],
  },
  {
    name: 'a misspelt capability',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    rules:
      - when: { needs: [visoin] }
        chain: [openai/gpt-4.1]
`,
    says: ['8:25 routes.chat.rules[0].when.needs[0]: "visoin" is not allowed here. Did you mean "vision"?'],
  },
  {
    name: 'an empty condition',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    rules:
      - when: {}
        chain: [openai/gpt-4.1]
`,
    says: [
      '8:15 routes.chat.rules[0].when: the condition is empty, so the rule would take every request. Name at least one condition, or use the route’s own chain.',
    ],
  },
  {
    name: 'a rule without a condition',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    rules:
      - chain: [openai/gpt-4.1]
`,
    says: ['8:9 routes.chat.rules[0]: "when" is missing. It must be a mapping.'],
  },
  {
    name: 'a bound that is none',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    rules:
      - when: { input_tokens: 8k }
        chain: [openai/gpt-4.1]
`,
    says: [
      '8:31 routes.chat.rules[0].when.input_tokens: "8k" is not a range. Write a bound such as "> 8k" or "<= 200k", or "1k..8k".',
    ],
  },
  {
    name: 'a priority that is none',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    rules:
      - when: { priority: hihg }
        chain: [openai/gpt-4.1]
`,
    says: ['8:27 routes.chat.rules[0].when.priority: "hihg" is not allowed here. Did you mean "high"?'],
  },
  {
    name: 'a misspelt capability of a model',
    yaml: `providers:
  openai:
    type: openai
models:
  openai/gpt-house: { capabilities: [tool, vision] }
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '5:38 models["openai/gpt-house"].capabilities[0]: "tool" is not allowed here. Did you mean "tools"?',
    ],
  },
  {
    name: 'a misspelt key of a model',
    yaml: `providers:
  openai:
    type: openai
models:
  openai/gpt-house: { contex: 128k }
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['5:23 models["openai/gpt-house"].contex: unknown key "contex". Did you mean "context"?'],
  },
  {
    name: 'a context in words',
    yaml: `providers:
  openai:
    type: openai
models:
  openai/gpt-house: { context: 128 thousand }
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '5:32 models["openai/gpt-house"].context: "128 thousand" is not a count. Write a whole number over zero, or one with k, M or G, such as 32000, 400k or 1.5M.',
    ],
  },
  {
    name: 'a model of a misspelt provider',
    yaml: `providers:
  openai:
    type: openai
models:
  opennai/gpt-house: { context: 128k }
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['5:3 models["opennai/gpt-house"]: unknown provider "opennai". Did you mean "openai"?'],
  },
  {
    name: 'a misspelt fault',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
simulator:
  faults:
    - { kind: outrage, provider: openai }
`,
    says: ['9:15 simulator.faults[0].kind: "outrage" is not allowed here. Did you mean "outage"?'],
  },
  {
    name: 'every error at once',
    yaml: `server:
  port: 70000
providers:
  openai:
    type: openai
    apikey: abc
  anthropic:
    type: anthropic
    api_key: \${MISSING_KEY}
timeouts:
  connect: 5
routes:
  classify:
    chain:
      - openai/gpt-4.1-nano
      - antropic/claude-haiku-4-5
      - openai/gpt-4.1-nano@flxe
    strict: sometimes
  chat:
    chain: []
    rules:
      - when: { needs: [visoin], priority: low }
        chain: [azure/gpt-4.1]
webhooks: {}
`,
    says: [
      '2:9 server.port: 70000 is too large. The most is 65535.',
      '6:5 providers.openai.apikey: unknown key "apikey". Did you mean "api_key"?',
      '9:14 providers.anthropic.api_key: the environment variable MISSING_KEY is not set. Set it, or give a default: ${MISSING_KEY:-default}.',
      '11:12 timeouts.connect: 5 is not a duration. Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
      '16:9 routes.classify.chain[1]: unknown provider "antropic". Did you mean "anthropic"?',
      '17:9 routes.classify.chain[2]: unknown mode "flxe". Did you mean "flex"?',
      '18:13 routes.classify.strict: "sometimes" is not true or false. Write true or false.',
      '20:12 routes.chat.chain: the list is empty. Write at least one entry.',
      '22:25 routes.chat.rules[0].when.needs[0]: "visoin" is not allowed here. Did you mean "vision"?',
      '23:17 routes.chat.rules[0].chain[0]: unknown provider "azure". Configured: openai, anthropic.',
      '24:1 webhooks: unknown key "webhooks". Allowed: server, providers, models, timeouts, retry, breaker, store, redis, limits, budgets, prices, direct, routes, waiting, batch, simulator, store_file, redis_file.',
    ],
  },
];
