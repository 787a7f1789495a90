import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Block, Message } from '../../../core/content.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest } from '../../../core/request.ts';
import { crane, encode, signed } from './fixtures/encoded.ts';
import { assistant, call, newest, result, user } from './fixtures/requests.ts';

describe('thinking', () => {
  const plan = (changes: Partial<ChatRequest>, model: Partial<ModelInfo> = {}) => {
    const { body, dropped } = encode(changes, model);
    return {
      thinking: body['thinking'],
      max: body['max_tokens'],
      effort: Object(body['output_config']).effort,
      dropped,
    };
  };

  test('by budget: the caller’s, or the effort’s, under the output limit', () => {
    assert.deepEqual(plan({ reasoning: { mode: 'on', budgetTokens: 5000 } }).thinking, {
      type: 'enabled',
      budget_tokens: 5000,
    });
    const high = plan({ reasoning: { mode: 'on', effort: 'high' } });
    assert.deepEqual(high.thinking, { type: 'enabled', budget_tokens: 24_576 });
    assert.equal(high.max, 56_576);
    const tight = plan({ reasoning: { mode: 'on', effort: 'high' }, maxOutputTokens: 2000 });
    assert.deepEqual(tight.thinking, { type: 'enabled', budget_tokens: 1999 });
    const none = plan({ reasoning: { mode: 'on', effort: 'high' }, maxOutputTokens: 1024 });
    assert.deepEqual([none.thinking, none.dropped], [undefined, ['reasoning']]);
  });

  test('adaptively: effort as it is known, a budget as the nearest effort', () => {
    assert.deepEqual(plan({ reasoning: { mode: 'on', effort: 'minimal', show: 'summary' } }, newest), {
      thinking: { type: 'adaptive', display: 'summarized' },
      max: 32_000,
      effort: 'low',
      dropped: [],
    });
    const budget = plan({ reasoning: { mode: 'on', budgetTokens: 10_000 } }, newest);
    assert.deepEqual(budget, {
      thinking: { type: 'adaptive' },
      max: 32_000,
      effort: 'medium',
      dropped: ['thinking.budget_tokens'],
    });
    const old = plan({ reasoning: { mode: 'on', effort: 'xhigh' } }, { ...newest, efforts: ['low', 'high'] });
    assert.equal(old.effort, 'high');
  });

  test('not at all: where it is off, and where the model cannot', () => {
    assert.equal(plan({ reasoning: { mode: 'off' } }).thinking, undefined);
    assert.deepEqual(plan({ reasoning: { mode: 'on', effort: 'low' } }, { thinking: 'none' }).dropped, [
      'reasoning',
    ]);
  });

  test('against a forced tool: said outright it wins, read from an effort it gives way', () => {
    const forced: Partial<ChatRequest> = { tools: [crane], toolChoice: { kind: 'required' } };
    const outright = encode({ ...forced, reasoning: { mode: 'on', budgetTokens: 2000 } });
    assert.deepEqual(outright.body['tool_choice'], { type: 'auto' });
    assert.deepEqual(outright.dropped, ['tool_choice']);
    const effort = encode({ ...forced, reasoning: { mode: 'on', effort: 'low' } });
    assert.deepEqual(effort.body['tool_choice'], { type: 'any' });
    assert.deepEqual(effort.dropped, ['reasoning']);
  });

  test('goes back byte for byte, and no other family’s does', () => {
    const reasoning = { mode: 'on', budgetTokens: 2000 } as const;
    const loop = (blocks: readonly Block[]): readonly Message[] => [
      user('a'),
      { role: 'assistant', blocks: [...blocks, ...call('x').blocks] },
      result('x'),
      user('and?'),
    ];
    const hidden: Block = {
      type: 'reasoning',
      text: '',
      redacted: true,
      carry: { family: 'anthropic', payload: 'cmVk' },
    };
    const kept = encode({ messages: loop([signed, hidden]), reasoning });
    assert.deepEqual(Object(kept.body['messages'])[1].content.slice(0, 2), [
      { type: 'thinking', thinking: 'Pier 4.', signature: 'c2ln' },
      { type: 'redacted_thinking', data: 'cmVk' },
    ]);
    assert.deepEqual(kept.dropped, []);
    for (const lost of [[], [{ ...signed, carry: { family: 'gemini', payload: 'x' } } as const]]) {
      const made = encode({ messages: loop(lost), reasoning });
      assert.equal('thinking' in made.body, false);
      assert.deepEqual(made.dropped, ['reasoning']);
      assert.equal(Object(made.body['messages'])[1].content.length, 1);
    }
    const ended = encode({ messages: [...loop([]), assistant('done'), user('more')], reasoning });
    assert.equal('thinking' in ended.body, true);
  });
});
