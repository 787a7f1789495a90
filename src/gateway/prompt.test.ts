import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChatRequest } from '../core/request.ts';
import { promptOf } from './prompt.ts';

const bare: ChatRequest = {
  kind: 'chat',
  model: 'm',
  system: [{ type: 'text', text: 'system words' }],
  messages: [],
  tools: [],
  stream: false,
  streamUsage: false,
  extensions: {},
};

describe('the prompt of a request', () => {
  test('is what the user says in all turns, and nothing else', () => {
    const prompt = promptOf(
      {
        ...bare,
        messages: [
          { role: 'user', blocks: [{ type: 'text', text: 'first' }] },
          { role: 'assistant', blocks: [{ type: 'text', text: 'model words' }] },
          {
            role: 'user',
            blocks: [
              { type: 'tool-result', id: '1', blocks: [{ type: 'text', text: 'tool words' }] },
              { type: 'text', text: 'last' },
            ],
          },
        ],
        tools: [{ kind: 'function', name: 'f' }],
      },
      1000,
      77,
    );
    assert.deepEqual(prompt, { text: 'first\nlast', inputTokens: 77, messages: 3, tools: true });
  });

  test('is bounded', () => {
    const blocks = [{ type: 'text' as const, text: 'x'.repeat(100_000) }];
    const { text } = promptOf({ ...bare, messages: [{ role: 'user', blocks }] }, 500, 1);
    assert.equal(text.length, 500);
  });

  test('of an embedding is its texts; of token ids nothing is read', () => {
    const embedding = { kind: 'embedding', model: 'm', encoding: 'float', extensions: {} } as const;
    assert.equal(promptOf({ ...embedding, inputs: ['a', 'b'] }, 100, 2).text, 'a\nb');
    assert.equal(promptOf({ ...embedding, inputs: [[1, 2]] }, 100, 2).text, '');
  });
});
