import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, createFold } from './answer.ts';
import { unfold } from './unfold.ts';

const token = { token: 'a', logprob: -0.1, top: [] };
const answers: Readonly<Record<string, Answer>> = {
  'a text': {
    id: '1',
    model: 'm',
    createdAtS: 5,
    choices: [{ blocks: [{ type: 'text', text: 'hello' }], stop: { kind: 'end' }, logprobs: [token] }],
    usage: { inputTokens: 3, outputTokens: 1 },
  },
  'several choices, one of them empty': {
    id: '1',
    model: 'm',
    choices: [
      { blocks: [{ type: 'text', text: 'one' }], stop: { kind: 'length' } },
      { blocks: [], stop: { kind: 'end' } },
      { blocks: [{ type: 'refusal', text: 'no' }], stop: { kind: 'refusal' } },
    ],
  },
  'thoughts, calls and citations': {
    id: '1',
    model: 'm',
    choices: [
      {
        blocks: [
          { type: 'reasoning', text: 'so', carry: { family: 'anthropic', payload: 'sig' } },
          { type: 'reasoning', text: '', redacted: true, carry: { family: 'anthropic', payload: 'x' } },
          { type: 'text', text: 'look', citations: [{ at: 1 }] },
          { type: 'tool-call', id: 'c', name: 'f', kind: 'function', arguments: '{"a":1}' },
          { type: 'image', source: { kind: 'base64', mimeType: 'image/png', data: 'AA==' } },
          { type: 'opaque', protocol: 'converse', raw: { a: 1 } },
        ],
        stop: { kind: 'tool', raw: 'tool_use' },
      },
    ],
  },
};

for (const [name, answer] of Object.entries(answers))
  test(`${name}: what is unfolded folds to the same`, () => {
    const fold = createFold();
    unfold(answer, fold.add);
    assert.deepEqual(fold.answer(), answer);
  });
