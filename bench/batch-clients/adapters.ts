/** The batch APIs of the six provider types, one route each, and what their items may hold. */

export interface Adapter {
  /** Its route: batch first, the same model by sync calls for the truth. */
  readonly name: string;
  /** `text`: one text, and no more. */
  readonly carries: 'all' | 'text';
  /** Of one submission, so that items go as a batch at all. */
  readonly least: number;
  /** Kinds that its batch API does not know, and that go by sync calls. */
  readonly lacks?: readonly string[];
  /** Its route of embeddings, where they may go in batches. */
  readonly embeds?: string;
}

/** AWS's pages say so (November 2026); the reason is in docs/decisions/bedrock-records.md. */
const lackedByBedrock = ['tools', 'results', 'schema'];

export const adapters: readonly Adapter[] = [
  { name: 'openai', carries: 'all', least: 1, embeds: 'embed-openai' },
  { name: 'azure', carries: 'all', least: 1, embeds: 'embed-azure' },
  { name: 'anthropic', carries: 'all', least: 1 },
  { name: 'gemini-gcs', carries: 'all', least: 1 },
  { name: 'gemini-bigquery', carries: 'all', least: 1 },
  { name: 'claude-gcs', carries: 'all', least: 1 },
  { name: 'claude-bigquery', carries: 'all', least: 1 },
  { name: 'bedrock-claude', carries: 'all', least: 100, lacks: lackedByBedrock },
  { name: 'bedrock-nova', carries: 'all', least: 100, lacks: lackedByBedrock, embeds: 'embed-bedrock' },
  { name: 'jobs', carries: 'text', least: 1 },
];

/** `${SIMULATOR_URL}` stands for the simulator's. Jobs have no sync calls; the stand-in answers them as it answers Chat Completions. */
export const yaml = `
server: { log: warn }
providers:
  openai: { type: openai, api_key: k, base_url: "\${SIMULATOR_URL}/~openai/v1" }
  azure: { type: azure, api_key: k, endpoint: "\${SIMULATOR_URL}/~azure", batch: { embeddings: true } }
  anthropic: { type: anthropic, api_key: k, base_url: "\${SIMULATOR_URL}/~anthropic" }
  vertex: { type: vertex, project: acme, access_token: k, base_url: "\${SIMULATOR_URL}/~vertex", batch: { gcs: "gs://acme-batch/lines" } }
  vertex-bq: { type: vertex, project: acme, access_token: k, base_url: "\${SIMULATOR_URL}/~vertexbq", batch: { bigquery: "bq://acme.batch" } }
  bedrock:
    type: bedrock
    region: us-east-1
    endpoint: "\${SIMULATOR_URL}/~bedrock"
    access_key_id: k
    secret_access_key: k
    batch:
      s3: s3://acme-batch/intermodal
      role_arn: arn:aws:iam::111122223333:role/batch
      endpoint: "\${SIMULATOR_URL}/~bedrock"
      s3_endpoint: "\${SIMULATOR_URL}/~s3"
      path_style: true
  jobs: { type: jobs, api_key: k, base_url: "\${SIMULATOR_URL}/~jobs/v1" }
  chats: { type: openai-compatible, flavor: vllm, api_key: k, base_url: "\${SIMULATOR_URL}/~chats/v1" }
routes:
  openai: { chain: [openai/gpt-4.1-nano@batch, openai/gpt-4.1-nano] }
  azure: { chain: [azure/gpt-4.1-mini@batch, azure/gpt-4.1-mini] }
  anthropic: { chain: [anthropic/claude-haiku-4-5@batch, anthropic/claude-haiku-4-5] }
  gemini-gcs: { chain: [vertex/gemini-2.5-flash@batch, vertex/gemini-2.5-flash] }
  gemini-bigquery: { chain: [vertex-bq/gemini-2.5-flash@batch, vertex-bq/gemini-2.5-flash] }
  claude-gcs: { chain: ["vertex/claude-haiku-4-5@20251001@batch", "vertex/claude-haiku-4-5@20251001"] }
  claude-bigquery: { chain: ["vertex-bq/claude-haiku-4-5@20251001@batch", "vertex-bq/claude-haiku-4-5@20251001"] }
  bedrock-claude: { chain: ["bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0@batch", "bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0"] }
  bedrock-nova: { chain: ["bedrock/us.amazon.nova-pro-v1:0@batch", "bedrock/us.amazon.nova-pro-v1:0"] }
  jobs: { chain: [jobs/classifier@batch, chats/classifier] }
  embed-openai: { chain: [openai/text-embedding-3-small@batch, openai/text-embedding-3-small] }
  embed-azure: { chain: [azure/text-embedding-3-small@batch, azure/text-embedding-3-small] }
  embed-bedrock: { chain: ["bedrock/amazon.titan-embed-text-v2:0@batch", "bedrock/amazon.titan-embed-text-v2:0"] }
models:
  jobs/classifier: { capabilities: [structured-output] }
`;

/** How long a job of the stand-ins takes. */
export const usualPlan = { batches: [{ duration_ms: 250 }] };
export const batchSettings = { poll: ['150ms'], retry: ['50ms'] };

export const modeOf = ({ lacks }: Adapter, kind: string): string =>
  lacks?.includes(kind) === true ? 'sync' : 'batch';
