import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Prompt, partNames } from './contract.ts';
import { createHeuristic } from './heuristic.ts';
import { boundText } from './text.ts';

const prompt = (text: string, more: Partial<Prompt> = {}): Prompt => ({
  text,
  inputTokens: Math.ceil(text.length / 4),
  ...more,
});
const score = (text: string): number => createHeuristic().score(prompt(text)).score;

const easy = 'What is the capital of France?';
const hard = `Prove that if every one of the 12 pipes fills the tank in more than 3 hours, then at least two must remain open,
except when the total flow is less than half. Explain why, compare both strategies, and derive the least number of pipes:
1. Assume the pump never stops, but the valve leaks 5 % per hour.
2. Suppose instead that each valve is replaced after 30 days, while the total stays the same.`;

describe('the heuristic', () => {
  test('has all its parts, each in [0, 1], with weights that sum to 1', () => {
    const { parts, scorer } = createHeuristic().score(prompt(hard));
    assert.equal(scorer, 'heuristic');
    assert.deepEqual(
      parts.map(({ name }) => name),
      partNames,
    );
    for (const { name, value } of parts) assert.ok(value >= 0 && value <= 1, `${name}: ${value}`);
    assert.ok(Math.abs(parts.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-9);
  });

  test('scores what is long and involved above what is short', () => {
    assert.ok(score(hard) > score(easy) + 0.2, `${score(hard)} against ${score(easy)}`);
  });

  test('is 0 for nothing and at most 1 for everything', () => {
    assert.equal(score(''), 0);
    assert.ok(score(`${hard}\n{[(=+1,2;`.repeat(500)) <= 1);
  });

  test('goes by the weights of a route over the usual ones', () => {
    const only = createHeuristic({ ...Object.fromEntries(partNames.map((name) => [name, 0])), numbers: 2 });
    const { score: byNumbers, parts } = only.score(prompt('1 2 3'));
    assert.equal(byNumbers, parts.find(({ name }) => name === 'numbers')?.value);
    assert.ok(byNumbers > 0);
    const none = createHeuristic(Object.fromEntries(partNames.map((name) => [name, 0])));
    assert.equal(none.score(prompt(hard)).score, 0);
  });

  test('counts tools, turns, code, signs of mathematics and questions', () => {
    const rise = (name: string, text: string, more: Partial<Prompt> = {}): void => {
      const value = (one: Prompt): number =>
        createHeuristic()
          .score(one)
          .parts.find((part) => part.name === name)?.value ?? 0;
      assert.ok(value(prompt(text, more)) > value(prompt('hello')), name);
    };
    rise('tools', 'hello', { tools: true });
    rise('conversation', 'hello', { messages: 9 });
    rise('code', 'if (x) {\n    return [1];\n}');
    rise('math', 'x^2 + y^2 = z^2');
    rise('questions', 'Who? When? Why?');
    rise('relations', 'if each has twice the total');
    rise('constraints', 'It must not be only this.');
    rise('reasoning', 'Prove and derive it.');
  });

  test('reads scripts without spaces as words, and ill-formed text without harm', () => {
    assert.ok(score('请证明每个连续函数在闭区间上都有最大值和最小值') > score('请证明'));
    assert.ok(Number.isFinite(score('\ud800\udfff\u0000\ud800 ﷽ \n\r\t\v')));
  });

  test('gives the same score however often it was asked before', () => {
    const scorer = createHeuristic();
    const first = scorer.score(prompt(hard));
    scorer.score(prompt('x'.repeat(10_000)));
    scorer.score(prompt(''));
    assert.deepEqual(scorer.score(prompt(hard)), first);
  });
});

describe('the text that is read', () => {
  test('is whole where it is short', () => assert.equal(boundText(['one', 'two'], 100), 'one\ntwo'));
  test('is nothing where there is nothing', () => assert.equal(boundText([], 100), ''));

  test('is half of the start and half of the end where it is long', () => {
    const text = boundText([`${'a'.repeat(5_000_000)}`, 'middle', 'z'.repeat(5_000)], 101);
    assert.equal(text, `${'a'.repeat(50)}\n${'z'.repeat(50)}`);
  });

  test('goes over several parts at either end', () => {
    assert.equal(boundText(['ab', 'cd', 'efghijklmnop', 'qr', 'st'], 11), 'ab\ncd\nqr\nst');
  });

  test('is never longer than allowed', () => {
    for (let most = 0; most < 40; most++)
      assert.ok(boundText(['abc', 'defgh', '', 'ijklmnopqrstuvwxyz', 'x'], most).length <= most, `${most}`);
  });
});
