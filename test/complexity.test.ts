/** Rules on complexity, along both roads: of single requests in either dialect, and of items of batches. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { chatLine, type Road, startRoad, targetOf } from './support/road.ts';

const yaml = `
routes:
  by-words:
    rules: [{ when: { complexity: ">= 0.4" }, chain: [anthropic/claude-haiku-4-5-20251001] }]
    chain: [openai/gpt-4.1-nano]
  weighed:
    complexity: { weights: { length: 0, variety: 0, structure: 0, relations: 0, constraints: 0, reasoning: 0, conversation: 0 } }
    rules: [{ when: { complexity: ">= 0.4" }, chain: [anthropic/claude-haiku-4-5-20251001] }]
    chain: [openai/gpt-4.1-nano]
  items:
    rules: [{ when: { complexity: ">= 0.4" }, chain: [anthropic/claude-haiku-4-5-20251001@batch] }]
    chain: [openai/gpt-4.1-nano@batch]
`;
const easy = '[[echo]] Hello there';
const hard = `[[echo]] ${'If each of the twelve pumps must fill more than half of its own tank, then why, given all that, do others remain? '.repeat(4)}`;
const numbers = `[[echo]] ${'17 + 4.5 = {21}? '.repeat(30)}`;

let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
});

describe('a rule on complexity', () => {
  test('sends what looks hard elsewhere, in either dialect', async () => {
    road = await startRoad({ yaml });
    const { url } = road;
    const ask = async (path: string, model: string, content: string): Promise<string | null> => {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
        body: JSON.stringify({ model, max_tokens: 50, messages: [{ role: 'user', content }] }),
      });
      assert.equal(response.status, 200, await response.text());
      return response.headers.get('x-intermodal-target');
    };
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      assert.equal(await ask(path, 'by-words', easy), 'openai/gpt-4.1-nano');
      assert.equal(await ask(path, 'by-words', hard), 'anthropic/claude-haiku-4-5-20251001');
      // With all that counts words at 0, words count for nothing.
      assert.equal(await ask(path, 'weighed', hard), 'openai/gpt-4.1-nano');
      assert.equal(await ask(path, 'weighed', numbers), 'anthropic/claude-haiku-4-5-20251001');
    }
  });

  test('holds for the items of a batch', async () => {
    road = await startRoad({ yaml });
    const id = await road.submit([chatLine('a', 'items', easy), chatLine('b', 'items', hard)], {
      window: '2m',
    });
    await road.ended(id);
    const lines = await road.results(id);
    assert.equal(targetOf(lines.get('a')), 'openai/gpt-4.1-nano@batch');
    assert.equal(targetOf(lines.get('b')), 'anthropic/claude-haiku-4-5-20251001@batch');
  });
});
