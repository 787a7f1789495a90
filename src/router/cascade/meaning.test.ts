import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answerOf, callOf } from '../../../test/support/cascade.ts';
import type { Answer } from '../../core/answer.ts';
import { agreementOf, sayTheSame } from './agreement.ts';
import { meaningOf } from './meaning.ts';

const first = ({ choices: [choice] }: Answer) => choice ?? assert.fail('no choice');
const meaning = (text: string, field?: string) => meaningOf(first(answerOf(text)), field);

describe('what an answer says', () => {
  const rows: readonly (readonly [text: string, meaning: string | undefined, field?: string])[] = [
    // Numbers, however they are written.
    ['18', '18'],
    ['$1,234.50', '1234.5'],
    ['The answer is 42.', '42'],
    ['She has 16 - 3 - 4 = 9 eggs.\nSo she makes $18 a day.', '18'],
    ['16 + 2 = 18, so:\n#### 18', '18'],
    ['It is \\boxed{7}', '7'],
    ['1,000', '1000'],
    ['12345678901234567890', '12345678901234567890'],
    ['007', '007'],
    ['[1,2]', '[1,2]'],
    ['It returns ["a", "b"]', "it returns['a','b']"],
    ['Answer: -5', '-5'],
    // Options.
    ['B', 'b'],
    ['(b)', 'b'],
    ['The answer is (B) because water boils.', 'b'],
    ['Answer: C', 'c'],
    // Words.
    ['Paris.', 'paris'],
    ['  "Paris"', 'paris'],
    ['The answer is Paris.', 'paris'],
    ['billing', 'billing'],
    // JSON: whole, in prose, fenced, with what explains left out.
    ['{"answer":"18","reasoning":"because"}', '18'],
    ['Sure!\n```json\n{"answer": 18}\n```', '18'],
    ['{"b":1,"a":"Yes "}', '{"a":"yes","b":1}'],
    ['{"label":"billing","confidence":0.4}', 'billing'],
    ['{"confidence":0.4}', '{"confidence":0.4}'],
    ['[1, 2]', '[1,2]'],
    // A member by name.
    ['{"label":"billing","why":"x"}', 'billing', 'label'],
    ['{"result":{"label":"Billing"}}', 'billing', 'result.label'],
    ['Lists such as [8, 5] come first. {"answer": "5"} And [5, 8] after.', '5', 'answer'],
    ['{"label":"billing"}', undefined, 'other'],
    ['{"answer":"a"} or {"answer":"b"}', undefined, 'answer'],
    ['no JSON here', undefined, 'answer'],
    ['', undefined],
  ];
  for (const [text, expected, field] of rows)
    test(`${JSON.stringify(text)}${field === undefined ? '' : ` at ${field}`}: ${expected}`, () =>
      assert.equal(meaning(text, field), expected));

  test('calls are their names and arguments, whatever the order of members', () => {
    const one = meaningOf(first(callOf('f', '{"b":1,"a":"x"}')));
    assert.equal(one, meaningOf(first(callOf('f', '{"a":"x","b":1}'))));
    assert.notEqual(one, meaningOf(first(callOf('g', '{"a":"x","b":1}'))));
    assert.notEqual(one, meaningOf(first(callOf('f', '{"a":"y","b":1}'))));
  });
});

describe('agreement', () => {
  test('answers that say the same are above 0.9, others at most at 0.5', () => {
    const same = agreementOf([answerOf('The answer is 18.'), answerOf('18')]);
    const other = agreementOf([answerOf('The answer is 18.'), answerOf('The answer is 19.')]);
    assert.ok(same !== undefined && same >= 0.9);
    assert.ok(other !== undefined && other <= 0.5);
    assert.equal(agreementOf([answerOf('billing'), answerOf('Billing')]), 1);
    assert.equal(agreementOf([answerOf('billing'), answerOf('sales')]), 0);
  });

  test('the same end by the same words is surer than by others', () => {
    const text = 'He has three apples and buys two more, so he has five. The answer is 5.';
    const alike = agreementOf([answerOf(text), answerOf(text)]);
    const unlike = agreementOf([
      answerOf(text),
      answerOf('Counting on from three gives four, five. Answer: 5'),
    ]);
    assert.equal(alike, 1);
    assert.ok(unlike !== undefined && unlike >= 0.9 && unlike < 1);
  });

  test('is the mean over others; those that say nothing are left out', () => {
    const [a, b] = [answerOf('a cat'), answerOf('a dog')];
    assert.equal(agreementOf([a, a, b]), 0.5 + (agreementOf([a, b]) ?? 0) / 2);
    assert.equal(agreementOf([a, answerOf(''), a]), 1);
    assert.equal(agreementOf([a, answerOf('')]), undefined);
    assert.equal(agreementOf([answerOf(''), a]), undefined);
    assert.equal(agreementOf([a]), undefined);
    assert.equal(agreementOf([]), undefined);
  });

  test('of several choices the least sure one counts', () => {
    const [one, two] = [answerOf('yes'), answerOf('no')];
    const both = { ...one, choices: [...one.choices, ...two.choices] };
    assert.equal(agreementOf([both, one]), 0);
  });

  test('an audit asks the same question', () => {
    assert.equal(sayTheSame(answerOf('{"label":"a"}'), answerOf('A')), true);
    assert.equal(sayTheSame(answerOf('a word'), answerOf('another')), false);
    assert.equal(sayTheSame(answerOf(''), answerOf('a')), undefined);
  });
});
