import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encode as encodeCl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { encode as encodeO200k } from 'gpt-tokenizer/encoding/o200k_base';
import type { ChatRequest } from '../core/request.ts';
import { modelInfo } from './catalog.ts';
import { openAiModels } from './openai-models.ts';
import { countRequest, loadTokenizer } from './tokenizer.ts';

async function counter(model: string): Promise<(text: string) => number> {
  const count = await loadTokenizer(modelInfo(model));
  assert.ok(count, `${model} has no tokenizer`);
  return count;
}

const options = { disallowedSpecial: new Set<string>() };

describe('a tokenizer', () => {
  test('counts as the published vocabularies do', async () => {
    // Counts of OpenAI's own tiktoken, from its documentation.
    assert.equal((await counter('gpt-4o'))('antidisestablishmentarianism'), 6);
    assert.equal((await counter('gpt-4'))('antidisestablishmentarianism'), 6);
    assert.equal((await counter('gpt-4'))('お誕生日おめでとう'), 9);
    assert.equal((await counter('gpt-4o'))('お誕生日おめでとう'), 8);
  });

  test('is shared by the models of an encoding, and differs between encodings', async () => {
    assert.equal(await counter('gpt-5.4'), await counter('gpt-4o-mini-2024-07-18'));
    assert.equal(await counter('openai/gpt-oss-120b'), await counter('o3'));
    assert.notEqual(await counter('gpt-4-turbo'), await counter('gpt-4o'));
    assert.equal(await counter('text-embedding-3-small'), await counter('gpt-3.5-turbo'));
  });

  test('is absent where nobody has published one', async () => {
    for (const model of ['claude-haiku-4-5', 'gemini-2.5-flash', 'gpt-6-sol', 'a-model-of-ours'])
      assert.equal(await loadTokenizer(modelInfo(model)), undefined, model);
  });

  test('is claimed for all of OpenAI’s models but the newest', () => {
    const without = openAiModels.filter(([, entry]) => entry.tokenizer === undefined).map(([name]) => name);
    assert.deepEqual(without, ['gpt-6.1-sol', 'gpt-6.1-terra', 'gpt-6-astra', 'gpt-6-sol', 'gpt-6-luna']);
  });

  test('takes a caller’s special tokens for text', async () => {
    assert.ok((await counter('gpt-4o'))('Say <|endoftext|> now') > 5);
    assert.ok((await counter('gpt-4'))(`${'word '.repeat(100)}<|im_start|>`) > 100);
  });

  test('counts long texts of many kinds exactly', async () => {
    const word = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      fc.string({ unit: fc.constantFrom(...'abcXYZ019 _-{}":,.\n\t') }),
      fc.constantFrom(
        'the ',
        ' fox',
        '\n\n',
        '漢字かな。',
        '、そして',
        'don’t ',
        "it's ",
        '1234567',
        '😀',
        '  ',
      ),
    );
    const text = fc.array(word, { minLength: 30, maxLength: 120 }).map((words) => words.join(' '));
    for (const [model, encode] of [
      ['gpt-4o', encodeO200k],
      ['gpt-4', encodeCl100k],
    ] as const) {
      const count = await counter(model);
      fc.assert(fc.property(text, (whole) => assert.equal(count(whole), encode(whole, options).length)));
    }
  });

  test('a run without an end costs little time, and little of the count', async () => {
    const count = await counter('gpt-4o');
    for (const [letter, tokens] of [
      ['a', 2500],
      [' ', 160],
      ['漢', 20_000],
      ['😀', 10_000],
    ] as const) {
      const counted = count(letter.repeat(20_000 / letter.length));
      assert.ok(Math.abs(counted - tokens) <= 160, `${counted} of ${letter}`);
    }
    assert.ok(count('ab'.repeat(10_000_000)) > 1_000_000);
  });
});

test('a request is its texts, its framing and its media', async () => {
  const request: ChatRequest = {
    kind: 'chat',
    model: 'gpt-4o',
    tools: [],
    stream: false,
    streamUsage: false,
    extensions: {},
    system: [{ type: 'text', text: 'You are a helpful assistant.' }],
    messages: [{ role: 'user', blocks: [{ type: 'text', text: 'Hello!' }] }],
  };
  // What OpenAI's cookbook gives for these two messages: 6 + 2 of text, 4 around each, 3 to begin.
  assert.equal(countRequest(request, await counter('gpt-4o')), 19);
});

test('only the encoding that is asked for is loaded, and only then', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier.startsWith('gpt-tokenizer')) loaded.push(specifier);
        return next(specifier, context);
      },
    });
    const { loadTokenizer } = await import('./tokenizer.ts');
    const { modelInfo } = await import('./catalog.ts');
    await loadTokenizer(modelInfo('claude-haiku-4-5'));
    console.log(loaded.length);
    await Promise.all([loadTokenizer(modelInfo('gpt-4o')), loadTokenizer(modelInfo('gpt-5'))]);
    console.log(loaded.join());
  `;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  assert.equal(stdout, '0\ngpt-tokenizer/encoding/o200k_base\n');
});
