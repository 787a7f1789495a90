/** The providers whose batch APIs are broken off: each twice, since the jobs of the slow one never end by themselves. */

export interface Adapter {
  readonly name: string;
  /** Items of a batch. */
  readonly items: number;
  /** It can be asked for what it has; where not, a kill at the wrong moment is unknowable. */
  readonly lists: boolean;
  /** YAML of one provider, below `providers`. */
  provider(name: string): string;
  readonly model: string;
}

const simulator = '${SIMULATOR_URL}';

export const adapters: readonly Adapter[] = [
  {
    name: 'openai',
    items: 60,
    lists: true,
    model: 'gpt-4.1-nano',
    provider: (name) => `{ type: openai, api_key: sk-test, base_url: "${simulator}/~${name}/v1" }`,
  },
  {
    name: 'azure',
    items: 60,
    lists: true,
    model: 'gpt-4.1-mini',
    provider: (name) => `{ type: azure, api_key: k, endpoint: "${simulator}/~${name}" }`,
  },
  {
    name: 'anthropic',
    items: 60,
    lists: true,
    model: 'claude-haiku-4-5-20251001',
    provider: (name) => `{ type: anthropic, api_key: k, base_url: "${simulator}/~${name}" }`,
  },
  {
    name: 'vertex',
    items: 60,
    lists: true,
    model: 'gemini-2.5-flash',
    provider: (name) =>
      `{ type: vertex, project: acme, access_token: t, base_url: "${simulator}/~${name}", batch: { gcs: "gs://acme-batch/${name}" } }`,
  },
  {
    name: 'bedrock',
    items: 150,
    lists: true,
    model: 'us.amazon.nova-micro-v1:0',
    provider: (name) =>
      `{ type: bedrock, region: us-east-1, endpoint: "${simulator}/~${name}", access_key_id: AKIDEXAMPLE, secret_access_key: s, batch: { s3: "s3://acme-batch/${name}", role_arn: "arn:aws:iam::111122223333:role/batch", endpoint: "${simulator}/~${name}", s3_endpoint: "${simulator}/~s3", path_style: true } }`,
  },
  {
    name: 'jobs',
    items: 60,
    lists: false,
    model: 'gpt-4.1-nano',
    provider: (name) => `{ type: jobs, api_key: k, base_url: "${simulator}/~${name}/v1" }`,
  },
];

/** Routes: `fast`, `slow`, and `waves`, whose first answers are never sure enough. */
export function yamlOf({ name, model, provider }: Adapter): string {
  const [fast, slow, sync, strong] = [`${name}-fast`, `${name}-slow`, `${name}-sync`, `${name}-strong`];
  // Jobs have no sync calls of their own.
  const direct =
    name === 'jobs'
      ? `  ${sync}: { type: openai, api_key: sk-test, base_url: "${simulator}/~${sync}/v1" }\n`
      : '';
  const last = (own: string): string => `${name === 'jobs' ? sync : own}/${model}`;
  return `server: { log: error }
providers:
  ${fast}: ${provider(fast)}
  ${slow}: ${provider(slow)}
  ${strong}: ${provider(strong)}
${direct}routes:
  fast: { chain: ["${fast}/${model}@batch", "${last(fast)}"] }
  slow: { chain: ["${slow}/${model}@batch", "${last(slow)}"] }
  waves: { chain: ["${fast}/${model}@batch", "${last(fast)}"], cascade: { escalate: ["${strong}/${model}@batch", "${last(strong)}"], audit: 0% } }
`;
}

/** Of jobs that are cancelled, or overtaken by their deadline, in the middle. */
export const slowMs = 3_000;

const errors = { item_error: 30, item_invalid: 2, expire: 2, missing: 3 };

/** Errors enough that every item's way is taken; none that a provider bills and does not deliver. */
export const plan = {
  think_ms: 20,
  batches: [
    { provider: '*-slow', duration_ms: slowMs },
    // Nothing is lost where nobody could say so, and what tells callers to poll seldom is done before the first poll.
    { provider: 'jobs-*', duration_ms: 0, ...errors },
    { provider: 'anthropic-*', duration_ms: 0, ...errors, duplicate: 5, lost_create: 4 },
    { duration_ms: 250, ...errors, duplicate: 5, lost_create: 4 },
  ],
};

/** Waits that a proof has time for. */
export function batchSection(blobs: string): object {
  return {
    blobs,
    poll: ['150ms'],
    retry: ['100ms', '200ms'],
    look_again: '2s',
    lease: '4s',
    webhooks: { allow_private: true },
    prefilter: [{ when: { contains: '[[rule]]' }, answer: 'By rule.' }],
  };
}
