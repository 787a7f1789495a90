import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerOf, firstOf, piece, stream } from './fixtures/streams.ts';

const calls = (...list: readonly object[]) => piece({ tool_calls: list });

describe('calls', () => {
  const f = (name: string, text: string) => ({ function: { name, arguments: text } });
  const args = (text: string) => ({ function: { arguments: text } });
  const one = [['crane', '{"a":1}']];
  const rows: readonly [string, readonly object[], readonly string[][]][] = [
    [
      'a name in pieces',
      [
        calls({ index: 0, id: 'a', ...f('cr', '') }),
        calls({ index: 0, ...f('ane', '') }),
        calls({ index: 0, ...f('', '{"a":1}') }),
      ],
      one,
    ],
    [
      'a name said in every piece',
      [calls({ index: 0, id: 'a', ...f('crane', '{"a"') }), calls({ index: 0, ...f('crane', ':1}') })],
      one,
    ],
    [
      'a late id and a late name',
      [calls({ index: 0, ...args('{"a"') }), calls({ index: 0, id: 'a', ...f('crane', ':1}') })],
      one,
    ],
    [
      'an id that is new in every piece',
      [calls({ index: 0, id: 'a', ...f('crane', '{"a"') }), calls({ index: 0, id: 'b', ...args(':1}') })],
      one,
    ],
    [
      'one index and no ids, whole calls',
      [
        calls({ index: 0, id: '', ...f('crane', '{"a":1}') }),
        calls({ index: 0, id: '', ...f('crane', '{}') }),
      ],
      [...one, ['crane', '{}']],
    ],
    [
      'no index and no ids, whole calls',
      [calls(f('crane', '{"a":1}'), f('tide', '{}'))],
      [...one, ['tide', '{}']],
    ],
    [
      'no index, in pieces',
      [calls({ id: 'a', ...f('crane', '') }), calls(args('{"a"')), calls(args(':1}'))],
      one,
    ],
    [
      'one id under two indexes',
      [calls({ index: 0, id: 'a', ...f('crane', '{"a":1}') }, { index: 1, id: 'a', ...f('tide', '{}') })],
      [...one, ['tide', '{}']],
    ],
    [
      'arguments as an object',
      [calls({ index: 0, id: 'a', function: { name: 'crane', arguments: { a: 1 } } })],
      one,
    ],
    ['arguments null', [calls({ id: 'a', function: { name: 'crane', arguments: null } })], [['crane', '']]],
    [
      'empty pieces between',
      [
        calls({ index: 0, id: 'a', ...f('crane', '{"a"') }),
        piece({ content: '', tool_calls: null }),
        calls({ index: 0, ...args(':1}') }),
      ],
      one,
    ],
    [
      'a custom tool',
      [
        calls({ index: 0, id: 'a', type: 'custom', custom: { name: 'shell', input: 'ls' } }),
        calls({ index: 0, custom: { input: ' -l' } }),
      ],
      [['shell', 'ls -l']],
    ],
    [
      'the old function_call',
      [
        piece({ function_call: { name: 'crane', arguments: '{"a"' } }),
        piece({ function_call: { arguments: ':1}' } }),
      ],
      one,
    ],
  ];
  for (const [what, chunks, wanted] of rows) {
    test(what, () => {
      const choice = firstOf(answerOf(stream(...chunks, piece({}, 'stop'))));
      const read = choice.blocks.flatMap((block) => (block.type === 'tool-call' ? [block] : []));
      assert.deepEqual(
        read.map((block) => [block.name, block.arguments]),
        wanted,
      );
      assert.equal(choice.stop.kind, 'tool');
      assert.equal(new Set(read.map((block) => block.id)).size, wanted.length);
      for (const { id } of read) assert.match(id, /^\w{1,40}$/);
    });
  }

  test('an empty call that a server sends with every answer is none', () => {
    const empty = { content: 'a', function_call: { name: '', arguments: '' } };
    assert.deepEqual(firstOf(answerOf(stream(piece(empty, 'stop')))), {
      blocks: [{ type: 'text', text: 'a' }],
      stop: { kind: 'end', raw: 'stop' },
    });
  });

  test('what began before more is told first', () => {
    const choice = firstOf(
      answerOf(
        stream(calls({ index: 0, id: 'a', ...f('crane', '') }), piece({ content: 'So.' }, 'tool_calls')),
      ),
    );
    assert.deepEqual(
      choice.blocks.map((block) => block.type),
      ['tool-call', 'text'],
    );
  });
});
