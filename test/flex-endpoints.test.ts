/** How each provider asks for its flex tier, and what its refusals mean. One suite over all that have one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConverseRequest } from '@aws-sdk/client-bedrock-runtime';
import type { ChatCompletionCreateParams } from 'openai/resources/chat/completions';
import { modelInfo } from '../src/catalog/catalog.ts';
import { systemClock } from '../src/core/clock.ts';
import type { ErrorCode } from '../src/core/errors.ts';
import { asObject } from '../src/core/json.ts';
import type { ChatRequest } from '../src/core/request.ts';
import type { ChatEndpoint, Provider } from '../src/providers/contract.ts';
import { providerTypes } from '../src/providers/registry.ts';
import { editBody, scanBody } from '../src/wire/json-scan.ts';

function make(type: string, settings: object): Provider {
  const found = providerTypes[type];
  assert.ok(found);
  return found.create('account', found.settings.parse(settings), { env: {}, clock: systemClock });
}

function flexOf(type: string, settings: object, model: string): ChatEndpoint {
  const endpoint = make(type, settings).flex?.(modelInfo(model));
  assert.ok(endpoint, `${type} has flex for ${model}`);
  return endpoint;
}

const request: ChatRequest = {
  kind: 'chat',
  model: 'route',
  system: [],
  messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Which pier?' }] }],
  tools: [],
  stream: false,
  streamUsage: false,
  extensions: {},
};

const openai = { api_key: 'k' };
const azure = { endpoint: 'https://acme.openai.azure.com', api_key: 'k' };
const groq = { base_url: 'https://api.groq.com/openai/v1', flavor: 'groq' };
const bedrock = { region: 'us-east-1', bearer_token: 'k' };
const vertex = { project: 'acme', access_token: 't', location: 'global' };
const nova = 'us.amazon.nova-pro-v1:0';

const serviceTier = { service_tier: 'flex' } satisfies Partial<ChatCompletionCreateParams>;
const converseTier = { serviceTier: { type: 'flex' } } satisfies Partial<ConverseRequest>;

interface Row {
  readonly type: string;
  readonly settings: object;
  readonly model: string;
  /** What the body says of the tier; empty where headers say it. */
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;
}
const rows: readonly Row[] = [
  { type: 'openai', settings: openai, model: 'gpt-5-mini', body: serviceTier, headers: {} },
  { type: 'azure', settings: azure, model: 'gpt-5-mini', body: serviceTier, headers: {} },
  {
    type: 'openai-compatible',
    settings: groq,
    model: 'openai/gpt-oss-120b',
    body: serviceTier,
    headers: {},
  },
  {
    type: 'openai-compatible',
    settings: { base_url: 'http://127.0.0.1:9/v1', flavor: 'mistral', flex: true },
    model: 'some-model',
    body: serviceTier,
    headers: {},
  },
  { type: 'bedrock', settings: bedrock, model: nova, body: converseTier, headers: {} },
  {
    type: 'vertex',
    settings: vertex,
    model: 'gemini-2.5-flash',
    body: {},
    headers: {
      'x-vertex-ai-llm-request-type': 'shared',
      'x-vertex-ai-llm-shared-request-type': 'flex',
      'x-server-timeout': '1800',
    },
  },
];

describe('asking for the tier', () => {
  for (const { type, settings, model, body, headers } of rows) {
    const title = `${type} ${JSON.stringify(Object.values(settings).slice(-1))}`;
    test(`${title} asks for it in what it encodes, whatever the caller asked for`, async () => {
      const endpoint = flexOf(type, settings, model);
      for (const asked of [request, { ...request, serviceTier: 'priority' }]) {
        const encoded = endpoint.encode(asked);
        for (const field of ['service_tier', 'serviceTier'])
          assert.deepEqual(asObject(encoded.body)[field], asObject(body)[field], field);
        const sent = await endpoint.request(JSON.stringify(encoded.body), {
          stream: false,
          headers: encoded.headers ?? {},
        });
        for (const [name, value] of Object.entries(headers)) assert.equal(sent.headers[name], value, name);
        assert.ok(!encoded.dropped.includes('service_tier'));
      }
    });

    test(`${title} differs from its sync twin in nothing else`, () => {
      const twin = make(type, settings).chat?.(modelInfo(model));
      const flex = flexOf(type, settings, model);
      assert.deepEqual({ ...twin?.encode(request).body, ...body }, { ...flex.encode(request).body });
      assert.deepEqual(flex.carries, twin?.carries);
      assert.equal(flex.protocol, twin?.protocol);
    });
  }

  for (const { type, settings, model } of rows.filter(({ body }) => body === serviceTier)) {
    test(`${type} ${model}: a body that is passed on is given the tier, and keeps all else`, () => {
      const endpoint = flexOf(type, settings, model);
      for (const own of ['', ',"service_tier":"default"', ',"service_tier":null']) {
        const text = `{"model":"route","messages":[{"role":"user","content":"Hi"}]${own},"future":{"x":1}}`;
        const body = scanBody(Buffer.from(text));
        const edits = endpoint.forward?.({ stream: false, streamUsage: false, headers: {}, body });
        if (edits === undefined) continue; // translated, which the rows above hold
        const sent = asObject(JSON.parse(editBody(body, edits).toString()));
        assert.equal(sent['service_tier'], 'flex');
        assert.deepEqual(sent['future'], { x: 1 });
      }
    });
  }
});

describe('who has none', () => {
  const without: readonly (readonly [string, object, string])[] = [
    ['openai', openai, 'gpt-4.1-mini'],
    ['azure', azure, 'gpt-4o'],
    ['openai-compatible', { base_url: 'http://127.0.0.1:9/v1' }, 'llama'],
    ['openai-compatible', { ...groq, flex: false }, 'openai/gpt-oss-120b'],
    ['bedrock', bedrock, 'us.anthropic.claude-haiku-4-5-20251001-v1:0'],
    ['vertex', { ...vertex, location: 'us-central1' }, 'gemini-2.5-flash'],
    ['vertex', vertex, 'claude-haiku-4-5@20251001'],
    ['anthropic', { api_key: 'k' }, 'claude-haiku-4-5'],
    ['jobs', { api_key: 'k', base_url: 'http://127.0.0.1:9/v1' }, 'gpt-5-mini'],
  ];
  for (const [type, settings, model] of without)
    test(`${type} ${model}`, () => assert.equal(make(type, settings).flex?.(modelInfo(model)), undefined));

  test('a model that nobody knows is left to its provider to refuse', () => {
    assert.ok(make('openai', openai).flex?.(modelInfo('gpt-next')));
  });
});

type Refusal = readonly [
  type: string,
  settings: object,
  model: string,
  status: number,
  body: object,
  code: ErrorCode,
  retry: string,
];
const openAiError = (code: string | null, message: string, param: string | null = null): object => ({
  error: { message, type: 'invalid_request_error', param, code },
});
const refusals: readonly Refusal[] = [
  [
    'openai',
    openai,
    'gpt-5',
    429,
    openAiError('resource_unavailable', 'Resource Unavailable.'),
    'upstream_overloaded',
    'other',
  ],
  [
    'openai',
    openai,
    'gpt-5',
    429,
    openAiError(null, '429 Resource Unavailable'),
    'upstream_overloaded',
    'other',
  ],
  [
    'openai',
    openai,
    'gpt-5',
    429,
    openAiError('rate_limit_exceeded', 'Rate limit reached.'),
    'rate_limited',
    'later',
  ],
  [
    'openai',
    openai,
    'gpt-5',
    400,
    openAiError(null, 'Flex is not available for this model.', 'service_tier'),
    'upstream_refused_shape',
    'other',
  ],
  [
    'openai',
    openai,
    'gpt-5',
    400,
    openAiError(null, 'Invalid type for messages.', 'messages'),
    'invalid_request',
    'never',
  ],
  [
    'azure',
    azure,
    'gpt-5',
    429,
    openAiError('ResourceUnavailable', 'No room for flex.'),
    'upstream_overloaded',
    'other',
  ],
  [
    'azure',
    azure,
    'gpt-5',
    400,
    openAiError(null, 'The model does not support Flex processing.'),
    'upstream_refused_shape',
    'other',
  ],
  [
    'openai-compatible',
    groq,
    'openai/gpt-oss-120b',
    498,
    openAiError('capacity_exceeded', 'Flex tier is full.'),
    'upstream_overloaded',
    'other',
  ],
  [
    'bedrock',
    bedrock,
    nova,
    429,
    { message: 'Too many requests, please wait before trying again.' },
    'upstream_overloaded',
    'other',
  ],
  [
    'bedrock',
    bedrock,
    nova,
    400,
    { message: 'The value flex at serviceTier is not supported.' },
    'upstream_refused_shape',
    'other',
  ],
  [
    'vertex',
    vertex,
    'gemini-2.5-flash',
    429,
    { error: { code: 429, message: 'Resource exhausted.', status: 'RESOURCE_EXHAUSTED' } },
    'upstream_overloaded',
    'other',
  ],
  [
    'vertex',
    vertex,
    'gemini-2.5-flash',
    503,
    { error: { code: 503, message: 'Overloaded.', status: 'UNAVAILABLE' } },
    'upstream_overloaded',
    'other',
  ],
];

describe('refusals', () => {
  for (const [type, settings, model, status, body, code, retry] of refusals)
    test(`${type} ${status} ${JSON.stringify(body).slice(0, 70)} is ${code}`, () => {
      const headers = type === 'bedrock' ? { 'x-amzn-errortype': bedrockType(status) } : {};
      const error = flexOf(type, settings, model).readError({ status, headers, body: JSON.stringify(body) });
      assert.equal(error.code, code);
      assert.equal(error.retry, retry);
      assert.equal(error.upstream?.status, status);
    });

  test('a throttle of the sync twin stays one', () => {
    for (const [type, settings, model, status, body] of refusals.filter(([type]) => type === 'vertex')) {
      if (status !== 429) continue;
      const twin = make(type, settings).chat?.(modelInfo(model));
      const error = twin?.readError({ status, headers: {}, body: JSON.stringify(body) });
      assert.equal(error?.code, 'rate_limited');
    }
  });
});

const bedrockType = (status: number): string =>
  status === 429 ? 'ThrottlingException' : 'ValidationException';
