import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EmbeddingRequest } from '../../../core/request.ts';
import { createGeminiCountCodec } from './count.ts';
import { createGeminiEmbeddingCodec, embeddingVerb } from './embeddings.ts';
import { chatRequest, geminiModel } from './fixtures/requests.ts';

const options = { errorRows: [], now: () => 0 };
const request = (changes: Partial<EmbeddingRequest> = {}): EmbeddingRequest => ({
  kind: 'embedding',
  model: 'route',
  inputs: ['rope', 'sail'],
  encoding: 'float',
  extensions: {},
  ...changes,
});

describe('embeddings by predict', () => {
  const codec = createGeminiEmbeddingCodec(geminiModel('text-embedding-005'), {
    ...options,
    verb: 'predict',
  });

  test('a text is an instance', () => {
    const { body, dropped } = codec.encode(request({ dimensions: 256, endUser: 'u', extensions: { x: 1 } }));
    assert.deepEqual(body, {
      instances: [{ content: 'rope' }, { content: 'sail' }],
      parameters: { outputDimensionality: 256 },
    });
    assert.deepEqual(dropped, ['x', 'user']);
  });

  test('vectors in their order, tokens summed', () => {
    const prediction = (values: number[], count: number): object => ({
      embeddings: { values, statistics: { token_count: count, truncated: false } },
    });
    assert.deepEqual(codec.readAnswer({ predictions: [prediction([0.5, -1], 2), prediction([1, 0], 3)] }), {
      model: 'text-embedding-005',
      vectors: [
        [0.5, -1],
        [1, 0],
      ],
      usage: { inputTokens: 5 },
    });
  });

  test('token ids cannot be sent, and an answer without vectors is malformed', () => {
    assert.throws(() => codec.encode(request({ inputs: [[1, 2]] })), { code: 'unsupported' });
    assert.throws(() => codec.readAnswer({ predictions: [] }), { code: 'upstream_malformed' });
    assert.throws(() => codec.readAnswer({ predictions: [{}] }), { code: 'upstream_malformed' });
  });
});

describe('embeddings by embedContent', () => {
  const codec = createGeminiEmbeddingCodec(geminiModel('gemini-embedding-2'), {
    ...options,
    verb: 'embedContent',
  });

  test('one text a call', () => {
    assert.deepEqual(codec.encode(request({ inputs: ['rope'], dimensions: 8 })).body, {
      content: { role: 'user', parts: [{ text: 'rope' }] },
      outputDimensionality: 8,
    });
    assert.throws(() => codec.encode(request()), { code: 'unsupported' });
  });

  test('its answer', () => {
    const body = { embedding: { values: [0.25] }, usageMetadata: { promptTokenCount: 4 } };
    assert.deepEqual(codec.readAnswer(body), {
      model: 'gemini-embedding-2',
      vectors: [[0.25]],
      usage: { inputTokens: 4 },
    });
    assert.throws(() => codec.readAnswer({}), { code: 'upstream_malformed' });
  });
});

test('a model says which of the two it is served by', () => {
  assert.equal(embeddingVerb(geminiModel('text-embedding-004')), 'predict');
  assert.equal(embeddingVerb(geminiModel('gemini-embedding-001')), 'predict');
  assert.equal(embeddingVerb(geminiModel('gemini-embedding-2-preview')), 'embedContent');
});

test('counting sends what weighs something, and nothing else', () => {
  const codec = createGeminiCountCodec(geminiModel('gemini-2.5-flash'), options);
  const { body } = codec.encode(chatRequest({ temperature: 1, system: [{ type: 'text', text: 'Hi.' }] }));
  assert.deepEqual(Object.keys(body), ['systemInstruction', 'contents']);
  assert.deepEqual(codec.readAnswer({ totalTokens: 7, totalBillableCharacters: 25 }), { inputTokens: 7 });
  assert.throws(() => codec.readAnswer({}), { code: 'upstream_malformed' });
});
