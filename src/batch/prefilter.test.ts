import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ExpressionError } from '../core/expression.ts';
import { compileRules, type PrefilterRule, prefilter } from './prefilter.ts';

const rules: readonly PrefilterRule[] = [
  { when: { max_chars: 0 }, answer: 'empty' },
  { when: { equals: ' ok ' }, answer: 'same' },
  { when: { contains: 'unsubscribe', max_chars: 20 }, answer: 'short' },
  { when: { matches: '(?i)^order \\d+$' }, answer: 'order' },
  { when: { matches: '\\bsale\\b', contains: '%' }, answer: 'advert' },
];
const compiled = compileRules(rules);

describe('rules that answer without a model', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['', 'empty'],
    [' \n\t', 'empty'],
    ['ok', 'same'],
    ['\nok  ', 'same'],
    ['OK', undefined],
    ['please unsubscribe', 'short'],
    ['please unsubscribe me from this', undefined],
    ['ORDER 66', 'order'],
    ['order 66a', undefined],
    ['sale: 50%', 'advert'],
    ['sale', undefined],
    ['wholesale 50%', undefined],
  ];
  for (const [text, answer] of cases) {
    test(`${JSON.stringify(text)}: ${answer ?? 'no answer'}`, () => {
      assert.equal(prefilter(compiled, text), answer);
    });
  }

  test('the first that holds gives the answer', () => {
    const two = compileRules([
      { when: { contains: 'a' }, answer: 'one' },
      { when: { contains: 'ab' }, answer: 'two' },
    ]);
    assert.equal(prefilter(two, 'ab'), 'one');
    assert.equal(prefilter([], 'ab'), undefined);
  });

  test('are refused when an expression cannot be matched in linear time', () => {
    assert.throws(() => compileRules([{ when: { matches: '(a)\\1' }, answer: '' }]), ExpressionError);
  });
});
