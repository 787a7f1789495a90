/** Models of the plan are right as often as it says, know how sure they are, and say the same of the same question. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { classify, skillOf, skillSchema } from './classify.ts';

const questions = Array.from({ length: 4_000 }, (_, index) => `Sort this: ${index} [[label:b|a,b,c]]`);
const skill = (right: number, overconfident = 0) => skillSchema.parse({ right, overconfident });
const answers = (right: number, overconfident = 0, model = 'm') =>
  questions.map(
    (prompt) => classify(prompt, model, skill(right, overconfident), 1) ?? assert.fail('not labelled'),
  );

describe('labelled prompts', () => {
  for (const right of [0, 0.3, 0.6, 0.85, 0.97, 1])
    test(`are answered rightly as often as the plan says: ${right}`, () => {
      const share = answers(right).filter(({ label }) => label === 'b').length / questions.length;
      assert.ok(Math.abs(share - right) < 0.02, String(share));
    });

  test('come with a confidence that is true, unless the plan says that it is not', () => {
    for (const [overconfident, true_] of [
      [0, true],
      [0.5, false],
    ] as const) {
      const middling = answers(0.6, overconfident).filter(
        ({ confidence }) => confidence > 0.6 && confidence < 0.8,
      );
      const mean = middling.reduce((sum, { confidence }) => sum + confidence, 0) / middling.length;
      const share = middling.filter(({ label }) => label === 'b').length / middling.length;
      assert.equal(Math.abs(mean - share) < 0.08, true_, `${mean} ${share}`);
    }
  });

  test('are as hard for one model as for another', () => {
    const [weak, strong] = [answers(0.6), answers(0.9, 0, 'n')];
    const missed = strong.map(({ label }, index) => ({ label, weak: weak[index]?.label }));
    const both = missed.filter(({ label, weak: other }) => label !== 'b' && other !== 'b').length;
    const strongOnly = missed.filter(({ label, weak: other }) => label !== 'b' && other === 'b').length;
    assert.ok(both > 5 * strongOnly, `${both} ${strongOnly}`);
  });

  test('are answered the same each time, and other prompts are none', () => {
    assert.deepEqual(answers(0.6), answers(0.6));
    assert.equal(classify('Sort this', 'm', skill(1), 1), undefined);
    assert.equal(skillOf([skillSchema.parse({ model: 'gpt-*', right: 1 })], 'openai', 'claude'), undefined);
  });
});
