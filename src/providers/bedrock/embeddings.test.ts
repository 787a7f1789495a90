import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { systemClock } from '../../core/clock.ts';
import type { EmbeddingRequest } from '../../core/request.ts';
import { provider } from './index.ts';

function endpoint(model: string) {
  const settings = provider.settings.parse({ region: 'us-east-1', bearer_token: 'k' });
  const made = provider
    .create('bedrock', settings, { env: {}, clock: systemClock })
    .embeddings?.(modelInfo(model));
  assert.ok(made);
  return made;
}

function embed(changes: Partial<EmbeddingRequest> = {}): EmbeddingRequest {
  return {
    kind: 'embedding',
    model: 'route',
    inputs: ['pier'],
    encoding: 'float',
    extensions: {},
    ...changes,
  };
}

const titan = 'amazon.titan-embed-text-v2:0';
const cohere = 'cohere.embed-multilingual-v3';

describe('requests', () => {
  const table: readonly (readonly [string, string, Partial<EmbeddingRequest>, object, readonly string[]])[] =
    [
      ['Titan', titan, { dimensions: 256 }, { inputText: 'pier', dimensions: 256 }, []],
      [
        'the first Titan has one size',
        'amazon.titan-embed-text-v1',
        { dimensions: 256 },
        { inputText: 'pier' },
        ['dimensions'],
      ],
      [
        'Cohere takes many',
        cohere,
        { inputs: ['a', 'b'], dimensions: 256, endUser: 'u' },
        { texts: ['a', 'b'], input_type: 'search_document' },
        ['user', 'dimensions'],
      ],
      [
        'Cohere is told what for',
        cohere,
        { extensions: { input_type: 'search_query', other: 1 } },
        { texts: ['pier'], input_type: 'search_query' },
        ['other'],
      ],
      [
        'Cohere 4 has sizes',
        'us.cohere.embed-v4:0',
        { dimensions: 512 },
        { texts: ['pier'], input_type: 'search_document', embedding_types: ['float'], output_dimension: 512 },
        [],
      ],
      [
        'Nova',
        'amazon.nova-2-multimodal-embeddings-v1:0',
        { dimensions: 384 },
        {
          taskType: 'SINGLE_EMBEDDING',
          singleEmbeddingParams: {
            embeddingPurpose: 'GENERIC_INDEX',
            embeddingDimension: 384,
            text: { truncationMode: 'NONE', value: 'pier' },
          },
        },
        [],
      ],
    ];
  for (const [name, model, changes, body, dropped] of table) {
    test(name, () => assert.deepEqual(endpoint(model).encode(embed(changes)), { body, dropped }));
  }

  test('go to invoke', async () => {
    const wire = await endpoint(titan).request('{}', { stream: false, headers: {} });
    assert.equal(wire.path, '/model/amazon.titan-embed-text-v2%3A0/invoke');
  });

  const refused: readonly (readonly [string, string, EmbeddingRequest['inputs']])[] = [
    ['several texts at Titan', titan, ['a', 'b']],
    ['token ids', titan, [[1, 2]]],
    ['more texts than Cohere takes', cohere, Array.from({ length: 97 }, () => 'x')],
  ];
  for (const [name, model, inputs] of refused) {
    test(`${name} are unsupported`, () => {
      assert.throws(() => endpoint(model).encode(embed({ inputs })), { code: 'unsupported', param: 'input' });
    });
  }
});

describe('answers', () => {
  const table: readonly (readonly [string, string, unknown, object])[] = [
    [
      'Titan',
      titan,
      { embedding: [0.1, -0.2], embeddingsByType: { float: [0.1, -0.2] }, inputTextTokenCount: 4 },
      { vectors: [[0.1, -0.2]], usage: { inputTokens: 4 } },
    ],
    [
      'Cohere 3',
      cohere,
      { id: 'x', response_type: 'embeddings_floats', embeddings: [[1], [2]], texts: ['a', 'b'] },
      { vectors: [[1], [2]] },
    ],
    [
      'Cohere 4',
      'cohere.embed-v4:0',
      { response_type: 'embeddings_by_type', embeddings: { float: [[1], [2]] } },
      { vectors: [[1], [2]] },
    ],
    [
      'Nova',
      'amazon.nova-2-multimodal-embeddings-v1:0',
      { embeddings: [{ embeddingType: 'TEXT', embedding: [3, 4] }] },
      { vectors: [[3, 4]] },
    ],
  ];
  for (const [name, model, body, expected] of table) {
    test(name, () => assert.deepEqual(endpoint(model).readAnswer(body), { model, ...expected }));
  }

  for (const body of [null, {}, { embedding: [] }, { embedding: ['x'] }, { embeddings: [] }]) {
    test(`${JSON.stringify(body)} is malformed`, () => {
      assert.throws(() => endpoint(titan).readAnswer(body), { code: 'upstream_malformed' });
    });
  }
});
