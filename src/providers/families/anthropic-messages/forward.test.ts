import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelInfo } from '../../../core/model.ts';
import { editBody, scanBody } from '../../../wire/json-scan.ts';
import type { ForwardEdits } from '../../contract.ts';
import { createAnthropicCodec } from './codec.ts';
import { claude, direct, embedded, newest } from './fixtures/requests.ts';
import type { AnthropicVariant } from './variant.ts';

const body = { model: 'route', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }], stream: true };

function forward(
  sent: object,
  model: Partial<ModelInfo> = {},
  variant: AnthropicVariant = direct,
  headers: Readonly<Record<string, string>> = {},
): { edits: ForwardEdits | undefined; sent: unknown } {
  const scanned = scanBody(Buffer.from(JSON.stringify(sent)));
  const call = { stream: true, streamUsage: true, headers, body: scanned };
  const edits = createAnthropicCodec(claude(model), variant).forward(call);
  return { edits, sent: edits === undefined ? undefined : JSON.parse(editBody(scanned, edits).toString()) };
}

describe('a body of the protocol’s own', () => {
  test('goes on with its model’s name, and everything that we have never heard of', () => {
    const sent = { ...body, later: { field: [1] } };
    assert.deepEqual(forward(sent).sent, { ...sent, model: 'claude-test' });
  });

  test('loses what the transport says otherwise', () => {
    const { model: _model, stream: _stream, ...rest } = body;
    const headers = {
      'anthropic-version': '2023-06-01',
      'anthropic-beta': 'allowed-2026-01-01, other-2026,allowed-2026-01-01',
    };
    const made = forward(body, {}, embedded, headers);
    assert.deepEqual(made.sent, {
      anthropic_version: 'cloud-2026-01-01',
      anthropic_beta: ['allowed-2026-01-01'],
      ...rest,
    });
    assert.deepEqual(made.edits?.headers, {});
  });

  test('takes the caller’s version and flags along as headers', () => {
    const headers = { 'anthropic-version': '2024-01-01', 'anthropic-beta': 'a-1 ,b-2,,a-1' };
    assert.deepEqual(forward(body, {}, direct, headers).edits?.headers, {
      'anthropic-version': '2024-01-01',
      'anthropic-beta': 'a-1,b-2',
    });
  });

  test('never asks for more than the model can write', () => {
    assert.deepEqual(forward({ ...body, max_tokens: 100_000 }).sent, {
      ...body,
      model: 'claude-test',
      max_tokens: 64_000,
    });
  });

  const thought = {
    role: 'assistant',
    content: [{ type: 'thinking', thinking: '', signature: 'im1.gemini.eA==' }],
  };
  const cases: readonly [string, object, Partial<ModelInfo>, boolean][] = [
    ['a temperature', { temperature: 0.5 }, {}, false],
    ['a temperature on a model without', { temperature: 0.5 }, newest, true],
    ['no temperature, said as null', { temperature: null }, newest, false],
    ['temperature and top_p', { temperature: 0.5, top_p: 0.9 }, {}, true],
    [
      'temperature and top_p where both may be',
      { temperature: 0.5, top_p: 0.9 },
      { sampling: 'free' },
      false,
    ],
    ['a budget', { thinking: { type: 'enabled', budget_tokens: 2000 } }, {}, false],
    ['a budget on an adaptive model', { thinking: { type: 'enabled', budget_tokens: 2000 } }, newest, true],
    ['adaptive thinking on an older model', { thinking: { type: 'adaptive' } }, {}, true],
    ['thinking off', { thinking: { type: 'disabled' } }, { thinking: 'none' }, false],
    ['a schema', { output_config: { format: { type: 'json_schema', schema: {} } } }, {}, false],
    [
      'a schema on a model without',
      { output_config: { format: { type: 'json_schema', schema: {} } } },
      { nativeSchema: false },
      true,
    ],
    ['an effort alone', { output_config: { effort: 'low' } }, { nativeSchema: false }, false],
    ['a system turn', { messages: [...body.messages, { role: 'system', content: 'x' }] }, {}, true],
    ['a system turn where it may be', { messages: [{ role: 'system', content: 'x' }] }, newest, false],
    ['words about system turns', { messages: [{ role: 'user', content: '"role":"system"' }] }, {}, false],
    ['thoughts of another family', { messages: [...body.messages, thought] }, newest, true],
    ['thoughts of another family, model unknown', { messages: [thought] }, { known: false }, true],
    [
      'anything else on an unknown model',
      { temperature: 1, top_p: 1 },
      { known: false, sampling: 'fixed' },
      false,
    ],
  ];
  for (const [name, changes, model, translated] of cases) {
    test(`with ${name} is ${translated ? 'translated' : 'forwarded'}`, () => {
      assert.equal(forward({ ...body, ...changes }, model).edits === undefined, translated);
    });
  }
});
