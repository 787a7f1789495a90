import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Dollars, dollarsOf, november2026 } from '../../../test/support/prices.ts';
import type { Mode } from '../../core/target.ts';
import type { Flavor } from './flavors.ts';
import { createPrices } from './prices.ts';
import { settings } from './settings.ts';

const at = (flavor: Flavor, base_url: string) =>
  createPrices(settings.parse({ flavor, base_url }), () => november2026);
const here = 'http://127.0.0.1:8000/v1';

type Known = readonly [flavor: Flavor, baseUrl: string, model: string, mode: Mode, dollars: Dollars];
const known: readonly Known[] = [
  ['groq', 'https://api.groq.com/openai/v1', 'openai/gpt-oss-120b', 'sync', [0.15, 0.6, 0.075]],
  ['groq', 'https://api.groq.com/openai/v1', 'openai/gpt-oss-120b', 'flex', [0.15, 0.6, 0.075]],
  ['groq', 'https://api.groq.com/openai/v1', 'openai/gpt-oss-120b', 'batch', [0.075, 0.3]],
  ['groq', here, 'llama-3.1-8b-instant', 'sync', [0.05, 0.08]],
  ['generic', 'https://api.groq.com/openai/v1', 'llama-3.1-8b-instant', 'queue', [0.05, 0.08]],
  ['mistral', 'https://api.mistral.ai/v1', 'mistral-large-2512', 'sync', [0.5, 1.5, 0.05]],
  ['mistral', 'https://api.mistral.ai/v1', 'mistral-large-2512', 'batch', [0.25, 0.75]],
  ['deepseek', 'https://api.deepseek.com/v1', 'deepseek-v4-flash', 'sync', [0.44, 1.32, 0.014]],
  ['xai', 'https://api.x.ai/v1', 'grok-4.3', 'sync', [1.25, 2.5, 0.2]],
  [
    'together',
    'https://api.together.xyz/v1',
    'meta-llama/Llama-3.3-70B-Instruct-Turbo',
    'sync',
    [0.88, 0.88],
  ],
  [
    'generic',
    'https://api.fireworks.ai/inference/v1',
    'accounts/fireworks/models/gpt-oss-20b',
    'sync',
    [0.07, 0.3, 0.035],
  ],
  [
    'vllm',
    'https://api.fireworks.ai/inference/v1',
    'accounts/fireworks/models/gpt-oss-20b',
    'sync',
    [0.07, 0.3, 0.035],
  ],
  [
    'gemini',
    'https://generativelanguage.googleapis.com/v1beta/openai',
    'gemini-2.5-flash',
    'batch',
    [0.15, 1.25, 0.03],
  ],
  ['openrouter', 'https://openrouter.ai/api/v1', 'openai/gpt-oss-20b:free', 'sync', [0, 0]],
  ['ollama', 'http://localhost:11434/v1', 'llama3.3', 'sync', [0, 0]],
  ['vllm', 'http://gpu.internal:8000/v1', 'any/model', 'queue', [0, 0]],
];

describe('what a server that speaks Chat Completions asks', () => {
  for (const [flavor, baseUrl, model, mode, dollars] of known)
    test(`${model} by ${mode} of ${flavor} at ${baseUrl} is ${dollars.join(', ')}`, () =>
      assert.deepEqual(dollarsOf(at(flavor, baseUrl)(model, mode)), dollars));

  test('is unknown where nobody says who runs it, of gateways, and of names that moved on', () => {
    assert.equal(at('generic', here)('gpt-4.1', 'sync'), undefined);
    assert.equal(at('litellm', here)('gpt-4.1', 'sync'), undefined);
    assert.equal(at('mistral', 'https://api.mistral.ai/v1')('mistral-large-latest', 'sync'), undefined);
    assert.equal(at('together', 'https://api.together.xyz/v1')('meta-llama/Llama-9', 'sync'), undefined);
  });

  test('is unknown in modes that it has not, or has at no known discount', () => {
    const together = at('together', 'https://api.together.xyz/v1');
    assert.equal(together('meta-llama/Llama-3.3-70B-Instruct-Turbo', 'batch'), undefined);
    assert.equal(at('ollama', here)('llama3.3', 'batch'), undefined);
    assert.equal(at('xai', 'https://api.x.ai/v1')('grok-4.3', 'batch'), undefined);
  });
});
