import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EmbeddingDialect } from '../contract.ts';
import { dialects } from './index.ts';

const embeddings =
  dialects.dialects.find((dialect): dialect is EmbeddingDialect => dialect.operation === 'embedding') ??
  assert.fail();

describe('embeddings', () => {
  test('take a text, texts, token ids and lists of them', () => {
    for (const [input, wanted] of [
      ['a', ['a']],
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
      [[1, 2], [[1, 2]]],
      [
        [[1], [2]],
        [[1], [2]],
      ],
    ] as const) {
      assert.deepEqual(embeddings.decode({ model: 'm', input }).inputs, wanted);
    }
    for (const input of ['', [], [''], [[]], [1.5], {}, null])
      assert.throws(() => embeddings.decode({ model: 'm', input }), { code: 'invalid_request' });
  });

  test('are written as numbers or as base64 floats', () => {
    const answer = { model: 'm', vectors: [[0.5, -1]] };
    const first = (encoding: string) =>
      JSON.parse(
        JSON.stringify(
          embeddings.encodeAnswer(
            answer,
            embeddings.decode({ model: 'm', input: 'a', encoding_format: encoding }),
          ),
        ),
      ).data[0].embedding;
    assert.deepEqual(first('float'), [0.5, -1]);
    assert.equal(Buffer.from(first('base64'), 'base64').readFloatLE(4), -1);
  });
});
