import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalModel, modelInfo } from './catalog.ts';
import { aliases, models } from './models.ts';

/** Every spelling seen in providers' traffic, and more that their documents give. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  'claude-haiku-4-5': [
    'claude-haiku-4-5',
    'claude-haiku-4-5-20251001',
    'claude-haiku-4-5@20251001',
    'anthropic.claude-haiku-4-5-20251001-v1:0',
    'us.anthropic.claude-haiku-4-5-20251001-v1:0',
    'global.anthropic.claude-haiku-4-5-20251001-v1:0',
    'us-gov.anthropic.claude-haiku-4-5-20251001-v1:0',
    'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0',
    'arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0',
    'anthropic/claude-haiku-4.5',
    'claude-haiku-4-5-latest',
    'Claude-Haiku-4-5',
  ],
  'claude-sonnet-4-5': [
    'claude-sonnet-4-5',
    'claude-sonnet-4-5-20250929',
    'anthropic/claude-sonnet-4.5',
    'anthropic/claude-4.5-sonnet-20250929',
    'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
    'claude-sonnet-4-5@20250929',
    'anthropic.claude-sonnet-4-5-20250929-v1:0:200k',
  ],
  'claude-sonnet-4': [
    'claude-sonnet-4',
    'claude-sonnet-4-0',
    'claude-sonnet-4-20250514',
    'claude-4-sonnet-20250514',
    'us.anthropic.claude-sonnet-4-20250514-v1:0',
  ],
  'claude-sonnet-4-6': ['claude-sonnet-4-6', 'us.anthropic.claude-sonnet-4-6'],
  'claude-opus-4-8': ['claude-opus-4-8', 'us.anthropic.claude-opus-4-8'],
  'claude-opus-5': ['claude-opus-5'],
  'claude-opus-5-5': ['claude-opus-5-5', 'anthropic/claude-opus-5.5'],
  'claude-fable-5': ['claude-fable-5'],
  'claude-opus-4-1': ['claude-opus-4-1-20250805', 'claude-opus-4-1@20250805'],
  'claude-3-opus': ['claude-3-opus-20240229'],
  'claude-3-5-sonnet': [
    'claude-3-5-sonnet-20240620',
    'us.anthropic.claude-3-5-sonnet-20240620-v1:0',
    'claude-3-5-sonnet-v2@20241022',
    'anthropic/claude-3.5-sonnet:beta',
  ],
  'claude-3-5-haiku': [
    'anthropic.claude-3-5-haiku-20241022-v1:0',
    'us.anthropic.claude-3-5-haiku-20241022-v1:0',
    'claude-3-5-haiku-20241022',
  ],
  'claude-3-sonnet': ['anthropic.claude-3-sonnet-20240229-v1:0'],
  'claude-3-7-sonnet': ['us.anthropic.claude-3-7-sonnet-20250219-v1:0'],
  'gpt-3.5-turbo': ['gpt-3.5-turbo', 'gpt-35-turbo', 'gpt-3.5-turbo-0125', 'gpt-3.5-turbo-16k'],
  'gpt-4': ['gpt-4', 'gpt-4-0613'],
  'gpt-4-turbo': ['gpt-4-turbo', 'gpt-4-turbo-2024-04-09', 'gpt-4-turbo-preview'],
  'gpt-4.1': ['gpt-4.1', 'gpt-4.1-2025-04-14', 'openai/gpt-4.1'],
  'gpt-4.1-mini': ['gpt-4.1-mini'],
  'gpt-4.1-nano': ['gpt-4.1-nano', 'gpt-4.1-nano-2025-04-14'],
  'gpt-4o': ['gpt-4o', 'gpt-4o-2024-08-06', 'gpt-4o-2024-11-20'],
  'gpt-4o-mini': ['gpt-4o-mini', 'gpt-4o-mini-2024-07-18'],
  'gpt-4o-audio-preview': ['gpt-4o-audio-preview', 'gpt-4o-audio-preview-2024-12-17'],
  'gpt-5': ['gpt-5', 'gpt-5-2025-08-07'],
  'gpt-5-mini': ['gpt-5-mini', 'gpt-5-mini-2025-08-07'],
  'gpt-5-nano': ['gpt-5-nano', 'gpt-5-nano-2025-08-07'],
  'gpt-5-chat': ['gpt-5-chat-latest', 'gpt-5-chat'],
  'gpt-5.2': ['gpt-5.2', 'gpt-5.2-2025-12-11'],
  'gpt-5.6-sol': ['gpt-5.6-sol'],
  'o3-mini': ['o3-mini', 'o3-mini-2025-01-31'],
  'gpt-oss-120b': ['openai.gpt-oss-120b-1:0', 'gpt-oss:120b', 'openai/gpt-oss-120b'],
  'gpt-oss-20b': ['openai.gpt-oss-20b', 'gpt-oss:20b'],
  'text-embedding-3-small': ['text-embedding-3-small'],
  'text-embedding-3-large': ['text-embedding-3-large'],
  'text-embedding-004': ['text-embedding-004'],
  'titan-embed-text-v2': ['amazon.titan-embed-text-v2:0'],
  'titan-text-express': ['amazon.titan-text-express-v1'],
  'embed-english-v3': ['cohere.embed-english-v3'],
  'nova-2-lite': ['us.amazon.nova-2-lite-v1:0'],
  'nova-micro': ['amazon.nova-micro-v1:0', 'us.amazon.nova-micro-v1:0'],
  'gemini-1.5-flash': ['gemini-1.5-flash', 'gemini-1.5-flash-002'],
  'gemini-2.0-flash': ['gemini-2.0-flash', 'gemini-2.0-flash-001', 'google/gemini-2.0-flash-exp:free'],
  'gemini-2.5-flash': ['gemini-2.5-flash', 'google/gemini-2.5-flash', 'gemini-2.5-flash-preview-09-2025'],
  'gemini-2.5-pro': ['gemini-2.5-pro', 'gemini-2.5-pro-preview-05-06'],
  'gemini-3-flash': ['gemini-3-flash-preview', 'gemini-3-flash'],
  'gemini-3-pro': ['gemini-3-pro-preview'],
  'gemini-3.1-pro': ['gemini-3.1-pro-preview', 'gemini-3.1-pro-preview-customtools'],
  'deepseek-chat': ['deepseek-chat'],
  'deepseek-reasoner': ['deepseek-reasoner'],
  'deepseek-r1': ['us.deepseek.r1-v1:0', 'deepseek-r1'],
  'deepseek-v4-flash': ['deepseek-v4-flash'],
  'deepseek-v4-pro': ['deepseek-v4-pro'],
  'grok-4.3': ['grok-4.3'],
  'grok-4-1-fast-non-reasoning': ['grok-4-1-fast-non-reasoning'],
  'magistral-medium': ['magistral-medium-latest'],
  'mistral-large': ['mistral-large-latest', 'mistral-large-2512', 'mistral.mistral-large-2407-v1:0'],
  'mistral-small': ['mistral-small-latest'],
  'llama2-13b-chat': ['meta.llama2-13b-chat-v1'],
  'llama-3.3-70b-instruct': [
    'us.meta.llama3-3-70b-instruct-v1:0',
    'meta-llama/Llama-3.3-70B-Instruct',
    'meta-llama/Llama-3.3-70B-Instruct-Turbo',
    'llama3.3:70b',
    'llama-3.3-70b-versatile',
    'llama-3.3-70b',
  ],
  'llama-4-scout-17b-instruct': [
    'us.meta.llama4-scout-17b-instruct-v1:0',
    'meta-llama/llama-4-scout-17b-16e-instruct',
    'meta-llama/llama-4-scout',
  ],
};

/** Deployments, routers and misspellings must not be taken for a model we know. */
const strangers = [
  'chat',
  'embedding',
  'model-router',
  'test-deployment',
  'does-not-exist',
  'nonexistent',
  'this-model-does-not-exist',
  'gemini-does-not-exist',
  'claude-sonet-4-5',
  'minimax/minimax-m2:free',
  'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f',
  'claude-haiku-4-5-mine',
  '*',
  '',
];

describe('canonicalModel', () => {
  const pairs = Object.entries(spellings).flatMap(([name, list]) => list.map((one) => [one, name] as const));
  for (const [spelling, name] of pairs) {
    test(`${spelling} is ${name}`, () => {
      assert.equal(canonicalModel(spelling), name);
      assert.equal(modelInfo(spelling).known, true);
      assert.equal(modelInfo(spelling).id, spelling);
    });
  }
  for (const stranger of strangers) {
    test(`${stranger || 'an empty name'} is unknown`, () => assert.equal(modelInfo(stranger).known, false));
  }
  test('a canonical name is its own', () => {
    for (const name of models.keys()) assert.equal(canonicalModel(name), name);
  });
  test('aliases lead to models', () => {
    for (const name of aliases.values()) assert.ok(models.has(name), name);
  });
  test('never throws and settles at once', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), (id) => {
        const once = canonicalModel(id);
        assert.equal(modelInfo(id).known, models.has(once));
      }),
    );
  });
});

describe('what the catalog says', () => {
  test('limits are sane', () => {
    for (const [name, entry] of models) {
      const { contextTokens, maxOutputTokens } = entry;
      assert.ok(contextTokens === undefined || contextTokens >= 512, name);
      if (contextTokens !== undefined && maxOutputTokens !== undefined)
        assert.ok(maxOutputTokens <= contextTokens, name);
    }
  });
  test('a model that thinks says how, or its host decides', () => {
    for (const [name, entry] of models)
      if (entry.thinking !== 'none') assert.ok(entry.capabilities.has('reasoning'), name);
  });
  test('an embedding model does nothing else', () => {
    for (const [name, entry] of models)
      if (entry.capabilities.has('embeddings')) assert.equal(entry.capabilities.size, 1, name);
  });
  test('nothing is assumed of a stranger, and an override wins over everything', () => {
    const stranger = modelInfo('house-model');
    assert.equal(stranger.contextTokens, undefined);
    assert.ok(stranger.capabilities.has('vision') && stranger.capabilities.has('embeddings'));
    const ours = modelInfo('gpt-4.1', { contextTokens: 5000, prefill: true });
    assert.equal(ours.contextTokens, 5000);
    assert.equal(ours.prefill, true);
    assert.equal(ours.maxOutputTokens, 32_768);
  });
  test('facts that shape requests', () => {
    assert.equal(modelInfo('gpt-5-mini').sampling, 'fixed');
    assert.deepEqual(modelInfo('gpt-5').efforts, ['minimal', 'low', 'medium', 'high']);
    assert.equal(modelInfo('claude-haiku-4-5').thinking, 'budget');
    assert.equal(modelInfo('claude-haiku-4-5').sampling, 'one-of');
    assert.equal(modelInfo('claude-opus-4-8').midSystem, true);
    assert.equal(modelInfo('claude-opus-4-7').sampling, 'fixed');
    assert.equal(modelInfo('claude-opus-4-1').nativeSchema, true);
    assert.equal(modelInfo('claude-sonnet-4').nativeSchema, false);
    assert.equal(modelInfo('claude-3-haiku').maxOutputTokens, 4096);
    assert.equal(modelInfo('gemini-2.5-flash').thinking, 'budget');
    assert.equal(modelInfo('gemini-3-pro-preview').thinking, 'level');
    assert.equal(modelInfo('us.amazon.nova-micro-v1:0').capabilities.has('vision'), false);
  });
});
