import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Block } from '../../../core/content.ts';
import { encode, refuses, text, turns } from './fixtures/encoded.ts';
import { assistant, call, direct, embedded, newest, result, system, user } from './fixtures/requests.ts';

describe('turns', () => {
  test('of one role become one, empty text goes, an empty assistant turn goes', () => {
    assert.deepEqual(turns([user('a'), user('b'), assistant('  '), user('c'), assistant('d'), user('e')]), [
      { role: 'user', content: [text('a'), text('b'), text('c')] },
      { role: 'assistant', content: [text('d')] },
      { role: 'user', content: [text('e')] },
    ]);
  });

  test('without a user, or with an empty one, are the caller’s mistake', () => {
    refuses('invalid_request', () => turns([]), /at least one user turn/);
    refuses('invalid_request', () => turns([assistant('a')]), /at least one user turn/);
    refuses('invalid_request', () => turns([user('a'), assistant('b'), user(' ')]), /messages\.2/);
  });

  test('of the system between others stay in place: marked text, or their own role where the model takes it', () => {
    const talk = [user('a'), system('Be brief.'), assistant('b'), user('c')];
    const { body, dropped } = encode({ messages: talk });
    assert.deepEqual(dropped, ['messages.role=system']);
    assert.deepEqual(body['messages'], [
      { role: 'user', content: [text('a'), text('<system-reminder>\nBe brief.\n</system-reminder>')] },
      { role: 'assistant', content: [text('b')] },
      { role: 'user', content: [text('c')] },
    ]);
    assert.deepEqual(turns(talk, newest), [
      { role: 'user', content: [text('a')] },
      { role: 'system', content: [text('Be brief.')] },
      { role: 'assistant', content: [text('b')] },
      { role: 'user', content: [text('c')] },
    ]);
  });

  test('of the system never part a call from its result', () => {
    assert.deepEqual(turns([user('a'), call('c1'), system('Hurry.'), result('c1')], newest), [
      { role: 'user', content: [text('a')] },
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 'c1', name: 'find_crane', input: { pier: 4 } }],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c1', content: 'free' },
          text('<system-reminder>\nHurry.\n</system-reminder>'),
        ],
      },
    ]);
  });

  test('of the assistant in last place are continued, trimmed, where the model does that', () => {
    assert.deepEqual(turns([user('a'), assistant('{ ')]), [
      { role: 'user', content: [text('a')] },
      { role: 'assistant', content: [text('{')] },
    ]);
    refuses('unsupported', () => turns([user('a'), assistant('{')], newest), /unfinished assistant turn/);
  });

  test('of the system at the start are one text, or blocks', () => {
    assert.equal(encode({ system: [{ type: 'text', text: 'A' }] }).body['system'], 'A');
    assert.deepEqual(
      encode({
        system: [
          { type: 'text', text: 'A' },
          { type: 'text', text: ' ' },
          { type: 'text', text: 'B' },
        ],
      }).body['system'],
      [text('A'), text('B')],
    );
  });
});

describe('content', () => {
  const one = (block: Block, variant = direct): unknown =>
    Object(encode({ messages: [{ role: 'user', blocks: [block] }] }, {}, variant).body['messages'])[0]
      .content[0];

  test('documents are told apart by what they are', () => {
    assert.deepEqual(
      one({
        type: 'document',
        name: 'manifest',
        context: 'of ship 9',
        citations: true,
        source: { kind: 'base64', mimeType: 'application/pdf', data: 'JVBERi0x' },
      }),
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0x' },
        title: 'manifest',
        context: 'of ship 9',
        citations: { enabled: true },
      },
    );
    assert.deepEqual(
      one({ type: 'document', source: { kind: 'base64', mimeType: 'text/csv', data: 'YSxi' } }),
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a,b' } },
    );
    assert.deepEqual(
      one({ type: 'image', source: { kind: 'base64', mimeType: 'application/pdf', data: 'JVBERi0x' } }),
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0x' } },
    );
    refuses(
      'unsupported',
      () => one({ type: 'document', source: { kind: 'base64', mimeType: 'application/zip', data: 'UEsD' } }),
      /PDF and text/,
    );
  });

  test('URLs and stored files go only where the transport reads them', () => {
    const image: Block = { type: 'image', source: { kind: 'url', url: 'https://port.example/4.png' } };
    assert.deepEqual(one(image), {
      type: 'image',
      source: { type: 'url', url: 'https://port.example/4.png' },
    });
    refuses('unsupported', () => one(image, embedded), /inline only/);
    const stored: Block = {
      type: 'document',
      source: { kind: 'file-id', protocol: 'anthropic-messages', id: 'file_1' },
    };
    assert.deepEqual(one(stored), { type: 'document', source: { type: 'file', file_id: 'file_1' } });
    refuses('unsupported', () => one(stored, embedded), /stored elsewhere/);
  });

  test('sound, moving pictures and unknown image kinds are refused; pictures that a model drew are left out', () => {
    const source = { kind: 'base64', mimeType: 'audio/wav', data: 'AAAA' } as const;
    refuses('unsupported', () => one({ type: 'audio', source }), /audio/);
    refuses(
      'unsupported',
      () => one({ type: 'image', source: { ...source, mimeType: 'image/tiff' } }),
      /tiff/,
    );
    const { dropped } = encode({
      messages: [user('a'), { role: 'assistant', blocks: [{ type: 'image', source }] }, user('b')],
    });
    assert.deepEqual(dropped, ['messages.assistant.image']);
  });

  test('blocks that only this protocol has go as they came; those of another protocol are left out', () => {
    const raw = { type: 'search_result', source: 's', title: 't', content: [] };
    assert.deepEqual(one({ type: 'opaque', protocol: 'anthropic-messages', raw }), raw);
    const foreign: Block = { type: 'opaque', protocol: 'gemini', raw };
    assert.deepEqual(
      encode({ messages: [{ role: 'user', blocks: [foreign, ...user('a').blocks] }] }).dropped,
      ['content'],
    );
  });
});
