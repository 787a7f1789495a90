import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Conversation } from '../router/measures/contract.ts';
import { scanBody } from '../wire/json-scan.ts';
import { conversationOf } from './conversation.ts';
import type { ChatDialect } from './dialects/contract.ts';
import { dialectFolders } from './dialects/registry.ts';

const dialects = dialectFolders
  .flatMap((folder) => folder.dialects)
  .filter((one) => one.operation === 'chat');

function read(dialect: ChatDialect, body: object, key?: string): Conversation {
  const found = conversationOf(dialect, scanBody(Buffer.from(JSON.stringify(body))), key)();
  assert.ok(found);
  return found;
}

const long = 'You are a careful clerk. '.repeat(400);
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

for (const dialect of dialects) {
  const inMessages = dialect.id.startsWith('openai');
  const bodyOf = (system: string, messages: readonly object[], more: object = {}) =>
    inMessages
      ? { model: 'm', messages: [{ role: 'system', content: system }, ...messages], ...more }
      : { model: 'm', max_tokens: 9, system, messages, ...more };

  describe(`a conversation in ${dialect.id}`, () => {
    const first = read(dialect, bodyOf(long, [user('Hello')]));

    test('is the same in its next turn', () => {
      const next = bodyOf(long, [user('Hello'), assistant('Hi.'), user('Go on: "role":"user"')]);
      assert.deepEqual(read(dialect, next), first);
    });

    test('is another with other first words, of the same instructions', () => {
      const other = read(dialect, bodyOf(long, [user('Good day')]));
      assert.notEqual(other.id, first.id);
      assert.equal(other.prefixId, first.prefixId);
      assert.ok(other.prefixTokens > 2_400 && other.prefixTokens < 2_600, `${other.prefixTokens}`);
    });

    for (const [what, body] of [
      ['instructions', bodyOf(`${long}!`, [user('Hello')])],
      ['tools', bodyOf(long, [user('Hello')], { tools: [{ name: 'look' }] })],
    ] as const)
      test(`begins otherwise with other ${what}`, () => {
        const other = read(dialect, body);
        assert.notEqual(other.id, first.id);
        assert.notEqual(other.prefixId, first.prefixId);
      });

    test('without a word of a user is none', () => {
      const body = scanBody(Buffer.from(JSON.stringify({ model: 'm', messages: [] })));
      assert.equal(conversationOf(dialect, body, undefined)(), undefined);
    });

    test('is worked out once', () => {
      let read = 0;
      const counted = {
        ...dialect,
        opening: (body: Parameters<ChatDialect['opening']>[0]) => {
          read += 1;
          return dialect.opening(body);
        },
      };
      const ask = conversationOf(
        counted,
        scanBody(Buffer.from(JSON.stringify(bodyOf('', [user('Hello')])))),
        '',
      );
      assert.equal(read, 0);
      assert.equal(ask(), ask());
      assert.equal(read, 1);
    });
  });
}

describe('what callers say of a conversation', () => {
  const [openai, anthropic] = ['openai-chat', 'anthropic-messages'].map((id) =>
    dialects.find((one) => one.id === id),
  );

  test('their own name for it goes before its first words, and is each caller’s own', () => {
    assert.ok(openai);
    const body = (content: string) => ({ model: 'm', messages: [user(content)], prompt_cache_key: 'main' });
    assert.equal(read(openai, body('Hello'), 'web').id, read(openai, body('Good day'), 'web').id);
    assert.notEqual(read(openai, body('Hello'), 'web').id, read(openai, body('Hello'), 'ads').id);
  });

  test('a cache marker that moves on changes nothing', () => {
    assert.ok(anthropic);
    const text = (marked: boolean) =>
      user([{ type: 'text', text: 'Hello', ...(marked ? { cache_control: { type: 'ephemeral' } } : {}) }]);
    const turn = read(anthropic, { model: 'm', max_tokens: 9, messages: [text(true)] });
    const next = { model: 'm', max_tokens: 9, messages: [text(false), assistant('Hi.'), text(true)] };
    assert.deepEqual(read(anthropic, next), turn);
  });
});
