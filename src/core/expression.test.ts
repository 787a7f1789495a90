import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ExpressionError } from './expression.ts';
import { compileExpression } from './expression-match.ts';

const atom = fc.constantFrom(
  ...[
    'a',
    'b',
    'A',
    '-',
    ' ',
    'é',
    'ß',
    '\\.',
    '.',
    '\\d',
    '\\w',
    '\\W',
    '\\s',
    '\\S',
    '\\D',
    '\\b',
    '\\B',
    '^',
    '$',
  ],
  ...[
    '[ab]',
    '[^a]',
    '[a-c_]',
    '[\\w-]',
    '[^\\s\\d]',
    '[]',
    '[^]',
    '\\x41',
    '\\u00e9',
    '\\n',
    '\\/',
    '1',
    '_',
  ],
);
const repeat = fc.constantFrom('', '', '', '*', '+', '?', '*?', '{2}', '{0,2}', '{1,}', '{0}');
const zeroWidth = /^(?:\\b|\\B|\^|\$)$/;
const { expression } = fc.letrec<{ expression: string; term: string }>((tie) => ({
  expression: fc
    .tuple(fc.array(tie('term'), { maxLength: 4 }), fc.array(tie('term'), { maxLength: 2 }), fc.boolean())
    .map(([left, right, choice]) => left.join('') + (choice ? `|${right.join('')}` : '')),
  term: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.tuple(atom, repeat).map(([one, sign]) => (zeroWidth.test(one) ? one : one + sign)),
    fc.tuple(tie('expression'), repeat).map(([inner, sign]) => `(${inner})${sign}`),
  ),
}));
const text = fc
  .array(
    fc.constantFrom('a', 'b', 'c', 'A', 'B', '1', '_', '-', ' ', '.', 'é', 'É', 'ß', '\n', '\u2028', '😀'),
    { maxLength: 7 },
  )
  .map((letters) => letters.join(''));

describe('a regular expression', () => {
  test('matches what JavaScript’s own does', () => {
    fc.assert(
      fc.property(expression, fc.array(text, { minLength: 3, maxLength: 8 }), (source, texts) => {
        const [own, native] = [compileExpression(source), new RegExp(source)];
        for (const one of texts)
          assert.equal(own.test(one), native.test(one), `${source} on ${JSON.stringify(one)}`);
      }),
      { numRuns: 5000 },
    );
  });

  test('ignores case as JavaScript does', () => {
    fc.assert(
      fc.property(expression, fc.array(text, { minLength: 3, maxLength: 8 }), (source, texts) => {
        const [own, native] = [compileExpression(`(?i)${source}`), new RegExp(source, 'i')];
        for (const one of texts)
          assert.equal(own.test(one), native.test(one), `${source} on ${JSON.stringify(one)}`);
      }),
      { numRuns: 2000 },
    );
  });

  test('of the kind that takes others for ever takes no time', () => {
    const long = 'a'.repeat(200_000);
    const started = process.hrtime.bigint();
    for (const source of [
      '^(a+)+$',
      '(a*)*b',
      '(a|aa)+$',
      '(.*)(.*)(.*)(.*)[^a]',
      '(a?){200}b',
      '(?:a|b|ab)*c',
    ])
      compileExpression(source).test(`${long}!`);
    // A set of states for nearly every letter, so that sets are forgotten and made again.
    const random = Array.from({ length: 20_000 }, (_, at) => ((at * 7919) % 13 > 5 ? 'a' : 'b')).join('');
    assert.equal(compileExpression('a.{14}c').test(random), false);
    assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 5_000);
  });

  test('stays right when its sets are forgotten', () => {
    const source = '(a|b)*a(a|b){9}c';
    const own = compileExpression(source);
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'b', 'c'), { maxLength: 400 }), (letters) => {
        assert.equal(own.test(letters.join('')), new RegExp(source).test(letters.join('')));
      }),
      { numRuns: 300 },
    );
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['(a', /group is not closed/],
    ['a)', /not opened/],
    ['[a', /class \[ is not closed/],
    ['*', /repeats nothing/],
    ['a**', /repeats a repeat/],
    ['^*', /no length/],
    ['(?=a)', /looks ahead/],
    ['(?<!a)', /looks ahead/],
    ['(a)\\1', /refers back/],
    ['\\k', /refers back/],
    ['\\p', /means nothing/],
    ['\\u12', /hexadecimal/],
    ['a{3,2}', /smaller/],
    ['a{100000}', /counts to over/],
    ['(?:a{1000}){1000}', /too long/],
    ['[b-a]', /ends before it begins/],
    ['[\\d-a]', /from or to a class/],
    ['a\\', /ends in a backslash/],
    ['('.repeat(100), /nested/],
  ];
  test('that cannot be matched so is refused in words', () => {
    for (const [source, message] of refused) {
      assert.throws(
        () => compileExpression(source),
        (thrown) => thrown instanceof ExpressionError && message.test(thrown.message),
        source,
      );
    }
  });

  test('may name its groups, and takes what is no repeat for what it is', () => {
    assert.ok(compileExpression('^(?<year>\\d{4})-(?:\\d\\d)$').test('2026-11'));
    assert.ok(compileExpression('a{b}').test('a{b}'));
    assert.ok(compileExpression('').test(''));
  });
});
