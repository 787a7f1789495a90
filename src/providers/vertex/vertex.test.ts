import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { createFold } from '../../core/answer.ts';
import { systemClock } from '../../core/clock.ts';
import type { ChatRequest } from '../../core/request.ts';
import type { Provider, WireRequest } from '../contract.ts';
import { provider } from './index.ts';

function vertex(values: object, env: Readonly<Record<string, string>> = {}): Provider {
  return provider.create('vertex', provider.settings.parse(values), { env, clock: systemClock });
}

const acme = { project: 'acme', access_token: 't' };

function chat(model: string, values: object = acme) {
  const endpoint = vertex(values).chat?.(modelInfo(model));
  assert.ok(endpoint);
  return endpoint;
}

function wire(request: WireRequest | Promise<WireRequest>): WireRequest {
  if (request instanceof Promise) throw new Error('expected a request at once');
  return request;
}

const request: ChatRequest = {
  kind: 'chat',
  model: 'route',
  system: [],
  messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Which pier?' }] }],
  tools: [],
  stream: true,
  streamUsage: false,
  extensions: {},
};

describe('addresses', () => {
  const google = '/v1/projects/acme/locations';
  const table: readonly (readonly [string, object, string, boolean, string])[] = [
    [
      'a region',
      acme,
      'gemini-2.5-flash',
      false,
      `https://us-central1-aiplatform.googleapis.com${google}/us-central1/publishers/google/models/gemini-2.5-flash:generateContent`,
    ],
    [
      'a stream is asked for as SSE',
      acme,
      'gemini-2.5-flash',
      true,
      `https://us-central1-aiplatform.googleapis.com${google}/us-central1/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse`,
    ],
    [
      'global has no prefix',
      { ...acme, location: 'global' },
      'gemini-3-pro-preview',
      false,
      `https://aiplatform.googleapis.com${google}/global/publishers/google/models/gemini-3-pro-preview:generateContent`,
    ],
    [
      'a multi-region has a form of its own',
      { ...acme, location: 'eu' },
      'claude-haiku-4-5@20251001',
      false,
      `https://aiplatform.eu.rep.googleapis.com${google}/eu/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict`,
    ],
    [
      'Claude streams by streamRawPredict, under Vertex’s spelling',
      { ...acme, location: 'us-east5' },
      'claude-haiku-4-5-20251001',
      true,
      `https://us-east5-aiplatform.googleapis.com${google}/us-east5/publishers/anthropic/models/claude-haiku-4-5@20251001:streamRawPredict`,
    ],
    [
      'an express key needs no project',
      { api_key: 'k' },
      'gemini-2.5-flash',
      false,
      'https://us-central1-aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent',
    ],
    [
      'an address of one’s own, with a path and a slash',
      { ...acme, base_url: 'http://127.0.0.1:9999/~vertex/' },
      'gemini-2.5-flash',
      false,
      `http://127.0.0.1:9999/~vertex${google}/us-central1/publishers/google/models/gemini-2.5-flash:generateContent`,
    ],
    [
      'and without the slash',
      { ...acme, base_url: 'http://127.0.0.1:9999/~vertex' },
      'gemini-2.5-flash',
      false,
      `http://127.0.0.1:9999/~vertex${google}/us-central1/publishers/google/models/gemini-2.5-flash:generateContent`,
    ],
  ];
  for (const [name, values, model, stream, expected] of table) {
    test(name, () => {
      const { origin, path, method } = wire(chat(model, values).request('{}', { stream, headers: {} }));
      assert.equal(origin + path, expected);
      assert.equal(method, 'POST');
    });
  }

  test('headers: the body’s own, the credential’s and the type', () => {
    const { headers } = wire(
      chat('claude-haiku-4-5@20251001').request('{}', {
        stream: false,
        headers: { 'anthropic-beta': 'context-1m-2025-08-07' },
      }),
    );
    assert.deepEqual(headers, {
      'anthropic-beta': 'context-1m-2025-08-07',
      authorization: 'Bearer t',
      'content-type': 'application/json',
    });
  });

  test('an emulator at plain http is called without authentication, unless a credential is set', () => {
    const bare = { project: 'acme', base_url: 'http://127.0.0.1:9999' };
    const headersOf = (values: object) =>
      wire(chat('gemini-2.5-flash', values).request('{}', { stream: false, headers: {} })).headers;
    assert.deepEqual(headersOf(bare), { 'content-type': 'application/json' });
    assert.equal(headersOf({ ...bare, access_token: 't' })['authorization'], 'Bearer t');
  });

  test('the project comes from the settings, the environment or the service account; without one nothing is sent', () => {
    const projectOf = (values: object, env: Readonly<Record<string, string>> = {}): string | undefined => {
      const made = vertex({ base_url: 'http://127.0.0.1:9', ...values }, env).chat?.(
        modelInfo('gemini-2.5-flash'),
      );
      return /projects\/([^/]+)/.exec(
        wire(made?.request('{}', { stream: false, headers: {} }) ?? assert.fail()).path,
      )?.[1];
    };
    assert.equal(projectOf({ project: 'a' }, { GOOGLE_CLOUD_PROJECT: 'b' }), 'a');
    assert.equal(projectOf({}, { GOOGLE_CLOUD_PROJECT: 'b' }), 'b');
    const inline = { access_token: 't', credentials: { type: 'service_account', project_id: 'c' } };
    assert.equal(projectOf(inline), 'c');
    assert.match(vertex({ access_token: 't' }).warning ?? '', /GOOGLE_CLOUD_PROJECT/);
    assert.equal(vertex(acme).warning, undefined);
    assert.throws(() => projectOf({ access_token: 't' }), { code: 'upstream_auth' });
  });

  test('unknown settings and odd locations are refused', () => {
    assert.equal(provider.settings.safeParse({ projekt: 'a' }).success, false);
    assert.equal(provider.settings.safeParse({ location: 'us-central1/../x' }).success, false);
  });
});

describe('what a model’s name decides', () => {
  test('Claude speaks Messages, all others generateContent', () => {
    assert.equal(chat('claude-haiku-4-5@20251001').protocol, 'anthropic-messages');
    assert.equal(chat('gemini-2.5-flash').protocol, 'gemini');
    assert.equal(chat('gemini-2.5-flash').forward, undefined);
  });

  test('Claude’s body: no model, a version, stream inside', () => {
    const { body } = chat('claude-haiku-4-5@20251001').encode(request);
    assert.equal('model' in body, false);
    assert.deepEqual(
      { ...body },
      {
        anthropic_version: 'vertex-2023-10-16',
        max_tokens: 32_000,
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Which pier?' }] }],
        stream: true,
      },
    );
  });

  test('a caller’s Messages body passes through, less its model and the beta flags that Vertex refuses', () => {
    const edits = chat('claude-haiku-4-5@20251001').forward?.({
      stream: true,
      streamUsage: true,
      headers: {
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'context-1m-2025-08-07, files-api-2025-04-14',
      },
    });
    assert.deepEqual(edits, {
      set: { anthropic_version: '"vertex-2023-10-16"' },
      remove: ['model'],
      headers: { 'anthropic-beta': 'context-1m-2025-08-07' },
    });
  });

  test('Claude takes no media by address, and a schema by a forced tool', () => {
    const endpoint = chat('claude-haiku-4-5@20251001');
    assert.equal(endpoint.carries.has('image-url'), false);
    const { body } = endpoint.encode({ ...request, format: { kind: 'schema', schema: { type: 'object' } } });
    assert.equal('output_config' in body, false);
    assert.equal('tools' in body, true);
  });

  test('vertex_event in Claude’s stream is passed over', () => {
    const events = [
      'event: vertex_event\ndata: {"type":"vertex_event","usage":{"input_tokens":9}}',
      'event: message_start\ndata: {"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":9,"output_tokens":1}}}',
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Aye"}}',
      'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}',
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}}',
      'event: message_stop\ndata: {"type":"message_stop"}',
    ];
    const fold = createFold();
    const reader = chat('claude-haiku-4-5@20251001').openStream();
    reader.push(Buffer.from(`${events.join('\n\n')}\n\n`), fold.add);
    reader.finish(fold.add);
    assert.deepEqual(fold.answer().choices[0]?.blocks, [{ type: 'text', text: 'Aye' }]);
  });
});

describe('errors', () => {
  const google = (code: number, status: string, message: string): string =>
    JSON.stringify({ error: { code, status, message } });
  const table: readonly (readonly [string, string, number, string, string])[] = [
    [
      'Google’s quota on Claude, in an array',
      'claude-haiku-4-5',
      429,
      `[${google(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded')}]`,
      'rate_limited',
    ],
    [
      'a day’s quota of Google’s on Claude',
      'claude-haiku-4-5',
      429,
      JSON.stringify({
        error: {
          code: 429,
          status: 'RESOURCE_EXHAUSTED',
          message: 'Quota exceeded',
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
              violations: [{ quotaId: 'OnlinePredictionTokensPerDay' }],
            },
          ],
        },
      }),
      'quota_exhausted',
    ],
    [
      'Google’s refusal of a Claude model',
      'claude-haiku-4-5',
      404,
      google(404, 'NOT_FOUND', 'Publisher Model not found'),
      'model_not_found',
    ],
    [
      'Anthropic’s own words',
      'claude-haiku-4-5',
      529,
      '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
      'upstream_overloaded',
    ],
    [
      'a prompt too long for Claude',
      'claude-haiku-4-5',
      400,
      '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}',
      'context_too_long',
    ],
    [
      'Gemini overloaded',
      'gemini-2.5-flash',
      503,
      google(503, 'UNAVAILABLE', 'overloaded'),
      'upstream_overloaded',
    ],
    [
      'a disabled API',
      'gemini-2.5-flash',
      403,
      google(
        403,
        'PERMISSION_DENIED',
        'Vertex AI API has not been used in project 4829103344 before or it is disabled.',
      ),
      'upstream_auth',
    ],
  ];
  for (const [name, model, status, body, code] of table) {
    test(`${name}: ${code}`, () => {
      const error = chat(model).readError({ status, headers: {}, body });
      assert.equal(error.code, code);
      assert.doesNotMatch(error.message, /4829103344/);
    });
  }
});

describe('other operations', () => {
  test('counting for Gemini and for Claude', () => {
    const count = (model: string) => vertex(acme).countTokens?.(modelInfo(model)) ?? assert.fail();
    const path = (model: string): string =>
      wire(count(model).request('{}', { stream: false, headers: {} })).path.replace(/.*publishers/, '');
    assert.equal(path('gemini-2.5-flash'), '/google/models/gemini-2.5-flash:countTokens');
    assert.equal(path('claude-haiku-4-5-20251001'), '/anthropic/models/count-tokens:rawPredict');
    assert.deepEqual(count('claude-haiku-4-5-20251001').encode(request).body, {
      anthropic_version: 'vertex-2023-10-16',
      model: 'claude-haiku-4-5@20251001',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Which pier?' }] }],
    });
    assert.deepEqual(count('claude-haiku-4-5').readAnswer({ input_tokens: 12 }), { inputTokens: 12 });
  });

  test('embeddings', () => {
    const path = (model: string): string => {
      const endpoint = vertex(acme).embeddings?.(modelInfo(model)) ?? assert.fail();
      return wire(endpoint.request('{}', { stream: false, headers: {} })).path.replace(/.*models/, '');
    };
    assert.equal(path('text-embedding-005'), '/text-embedding-005:predict');
    assert.equal(path('gemini-embedding-2'), '/gemini-embedding-2:embedContent');
  });
});
