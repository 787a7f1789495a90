/** Who is asked for what, and what goes wrong with it. */

/** By instance: type and place of the provider, and its target. Prices are dollars for a million tokens, all of them different. */
export const adapters = {
  openai: {
    yaml: 'type: openai, api_key: sk-test, base_url: "${SIMULATOR_URL}/~openai/v1"',
    model: 'gpt-4.1-nano',
    input: 0.2,
    output: 0.8,
  },
  azure: {
    yaml: 'type: azure, api_key: key-test, endpoint: "${SIMULATOR_URL}/~azure"',
    model: 'gpt-4.1-mini',
    input: 0.4,
    output: 1.6,
  },
  anthropic: {
    yaml: 'type: anthropic, api_key: sk-ant-test, base_url: "${SIMULATOR_URL}/~anthropic"',
    model: 'claude-haiku-4-5-20251001',
    input: 1,
    output: 5,
  },
  vertex: {
    yaml: 'type: vertex, project: acme, access_token: ya29-test, base_url: "${SIMULATOR_URL}/~vertex", batch: { gcs: "gs://acme-batch/lines" }',
    model: 'gemini-2.5-flash',
    input: 0.6,
    output: 2.4,
  },
  bedrock: {
    yaml: 'type: bedrock, region: us-east-1, endpoint: "${SIMULATOR_URL}/~bedrock", access_key_id: AKIDEXAMPLE, secret_access_key: secret-test, batch: { s3: "s3://acme-batch/lines", role_arn: "arn:aws:iam::111122223333:role/batch", endpoint: "${SIMULATOR_URL}/~bedrock", s3_endpoint: "${SIMULATOR_URL}/~s3", path_style: true }',
    model: 'us.amazon.nova-micro-v1:0',
    input: 0.1,
    output: 0.6,
  },
  jobs: {
    yaml: 'type: jobs, api_key: key-test, base_url: "${SIMULATOR_URL}/~jobs/v1"',
    model: 'deepseek-chat',
    input: 0.8,
    output: 1.2,
  },
  /** Half of its items fail, again and again. */
  flaky: {
    yaml: 'type: openai, api_key: sk-test, base_url: "${SIMULATOR_URL}/~flaky/v1"',
    model: 'gpt-4.1-nano',
    input: 0.3,
    output: 0.9,
  },
  /** Nobody answers there, for the whole run. */
  down: {
    yaml: 'type: openai, api_key: sk-test, base_url: "${SIMULATOR_URL}/~down/v1"',
    model: 'gpt-4.1-nano',
    input: 0.1,
    output: 0.1,
  },
} as const;

export type Adapter = keyof typeof adapters;
export const adapterNames = Object.keys(adapters).filter((name): name is Adapter => name in adapters);

const circle = ['openai', 'azure', 'anthropic', 'vertex', 'bedrock', 'jobs'] as const;
const targetOf = (name: Adapter, mode: 'batch' | 'sync'): string =>
  `"${name}/${adapters[name].model}@${mode}"`;

/** Every adapter is first once, and the five others follow; sync calls come last. */
function chains(): readonly (readonly [string, readonly string[]])[] {
  const around = circle.map((first, at) => {
    const order = [...circle.slice(at), ...circle.slice(0, at)];
    const last = [targetOf('openai', 'sync'), targetOf('anthropic', 'sync')];
    return [`from-${first}`, [...order.map((name) => targetOf(name, 'batch')), ...last]] as const;
  });
  const afterDown = ['down', 'azure', 'vertex'] as const;
  return [
    ...around,
    ['past-down', [...afterDown.map((name) => targetOf(name, 'batch')), targetOf('openai', 'sync')]],
    ['stubborn', [targetOf('flaky', 'batch'), targetOf('flaky', 'sync')]],
  ];
}

export const routes = chains().map(([name]) => name);

export const yaml = `
server: { log: error }
providers:
${adapterNames.map((name) => `  ${name}: { ${adapters[name].yaml} }`).join('\n')}
prices:
${adapterNames.map((name) => `  "${name}/${adapters[name].model}": { input: $${adapters[name].input}, output: $${adapters[name].output} }`).join('\n')}
retry: { rounds: 1 }
breaker: { open: 1s, open_cap: 2s }
routes:
${chains()
  .map(([name, chain]) => `  ${name}: { chain: [${chain.join(', ')}] }`)
  .join('\n')}
`;

/** Twenty jobs in a hundred fail as a whole, and twenty polls; of a hundred items, nine are lost in one way or another, and two are spoilt. */
const usual = {
  duration_ms: 1_000,
  create_error: 7,
  lost_create: 6,
  validation_failure: 7,
  poll_throttle: 20,
  retry_after_s: 1,
  item_error: 5,
  item_invalid: 0.3,
  expire: 1,
  corrupt: 2,
  missing: 1,
  duplicate: 2,
  broken_line: 1,
};

export const plan = {
  seed: 7,
  prices: adapterNames.map((name) => {
    const { model, input, output } = adapters[name];
    return { provider: name, model, input, output };
  }),
  faults: [
    { provider: 'down', kind: 'refused' },
    { provider: 'flaky', model: 'gpt-*', kind: 'outage', status: 500, percent: 50 },
  ],
  batches: [{ ...usual, provider: 'flaky', item_error: 50 }, usual],
};

const schema = {
  type: 'object',
  properties: { topic: { type: 'string' }, sure: { type: 'boolean' } },
  required: ['topic', 'sure'],
  additionalProperties: false,
};

/** Line `index` of a batch: the routes in turn, and every second round of them with a schema. No two ask the same. */
export function lineOf(batch: number, index: number): string {
  const model = routes[index % routes.length];
  const withSchema = Math.floor(index / routes.length) % 2 === 1;
  return JSON.stringify({
    custom_id: `b${batch}-${index}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: {
      model,
      max_tokens: 100,
      messages: [{ role: 'user', content: `Which topic has parcel ${index} of lorry ${batch}?` }],
      ...(withSchema
        ? { response_format: { type: 'json_schema', json_schema: { name: 'topic', strict: true, schema } } }
        : {}),
    },
  });
}
