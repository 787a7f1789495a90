/** Sections, the server’s settings and the providers’. */
import type { Broken } from './broken.ts';

export const sections: readonly Broken[] = [
  {
    name: 'a misspelt section',
    yaml: `provider:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['1:1 provider: unknown key "provider". Did you mean "providers"?'],
  },
  {
    name: 'a section that there is not',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
webhooks:
  - { url: https://hooks.test }
`,
    says: [
      '7:1 webhooks: unknown key "webhooks". Allowed: server, providers, models, timeouts, retry, breaker, store, redis, limits, budgets, prices, direct, routes, waiting, batch, simulator, store_file, redis_file.',
    ],
  },
  {
    name: 'no routes',
    yaml: `providers:
  openai:
    type: openai
`,
    says: ['1:1: "routes" is missing. It must be a mapping.'],
  },
  {
    name: 'no provider',
    yaml: `providers: {}
routes: {}
`,
    says: ['1:12 providers: no provider is configured. Add one, such as {openai: {type: openai}}.'],
  },
  {
    name: 'nothing to serve',
    yaml: `providers:
  openai:
    type: openai
routes: {}
direct: false
`,
    says: [
      '4:9 routes: there is no route, and clients may not name targets themselves. Add a route, or set direct to true.',
    ],
  },
  {
    name: 'a list where a mapping belongs',
    yaml: `providers:
  - type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['2:3 providers: a list is not a mapping. Write a mapping.'],
  },
  {
    name: 'yes for true',
    yaml: `providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
direct: yes
`,
    says: ['7:9 direct: "yes" is not true or false. Write true or false.'],
  },
  {
    name: 'a port that no machine has',
    yaml: `server:
  port: 70000
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['2:9 server.port: 70000 is too large. The most is 65535.'],
  },
  {
    name: 'a port in words',
    yaml: `server: { port: "4000" }
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['1:17 server.port: "4000" is not a number. Write it without quotes.'],
  },
  {
    name: 'a size with a unit that nobody knows',
    yaml: `server:
  max_body: 32MB
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '2:13 server.max_body: "32MB" is not a size. Write bytes, or a number with k, M or G, such as 512k or 32M.',
    ],
  },
  {
    name: 'a misspelt server key',
    yaml: `server:
  hots: 0.0.0.0
providers:
  openai:
    type: openai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['2:3 server.hots: unknown key "hots". Did you mean "host"?'],
  },
  {
    name: 'an unknown provider type',
    yaml: `providers:
  openai:
    type: opnai
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['3:11 providers.openai.type: unknown provider type "opnai". Did you mean "openai"?'],
  },
  {
    name: 'no type',
    yaml: `providers:
  openai:
    api_key: abc
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '3:5 providers.openai: "type" is missing. Allowed: anthropic, azure, bedrock, jobs, openai, openai-compatible, vertex.',
    ],
  },
  {
    name: 'a misspelt setting',
    yaml: `providers:
  openai:
    type: openai
    apikey: abc
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['4:5 providers.openai.apikey: unknown key "apikey". Did you mean "api_key"?'],
  },
  {
    name: 'a setting that is missing',
    yaml: `providers:
  openai:
    type: openai-compatible
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['3:5 providers.openai: "base_url" is missing. It must be a text.'],
  },
  {
    name: 'an address that is none',
    yaml: `providers:
  openai:
    type: openai
    base_url: api.openai.com
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '4:15 providers.openai.base_url: "api.openai.com" is not allowed here. It must be an http or https URL such as https://api.example.com/v1.',
    ],
  },
  {
    name: 'a key that is a number, not shown',
    yaml: `providers:
  openai:
    type: openai
    api_key: 4711
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['4:14 providers.openai.api_key: the value (not shown) is not a text. Write a text.'],
  },
  {
    name: 'a provider name with a slash',
    yaml: `providers:
  team/openai:
    type: openai
routes: {}
`,
    says: [
      '2:3 providers["team/openai"]: "team/openai" is not a name. Use letters, digits, dots, dashes and underscores.',
    ],
  },
  {
    name: 'a provider that is empty',
    yaml: `providers:
  openai:
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: ['2:3 providers.openai: nothing stands here. Write a mapping.'],
  },
  {
    name: 'a region that is not one',
    yaml: `providers:
  openai:
    type: openai
  vertex:
    type: vertex
    location: us central
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
`,
    says: [
      '6:15 providers.vertex.location: "us central" is not allowed here. It must be a location such as us-central1 or global.',
    ],
  },
];
