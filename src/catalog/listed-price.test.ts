import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calcPrice, findProvider, type MatchLogic } from '@pydantic/genai-prices';
import { costOf } from '../core/price.ts';
import { exactListPrice } from './list-price.ts';

describe('every price that is found costs what genai-prices itself makes of it', () => {
  /** At this hour DeepSeek’s price is that of its peak, which is ours for the whole day. */
  const peak = Date.parse('2026-11-20T02:00:00Z');
  const vendors = [
    'anthropic',
    'openai',
    'google',
    'aws',
    'azure',
    'mistral',
    'groq',
    'x-ai',
    'deepseek',
    'together',
    'fireworks',
    'openrouter',
  ];
  const sizes = [1000, 128_000, 128_001, 200_000, 200_001, 272_000, 272_001, 900_000];

  function namesIn(logic: MatchLogic): readonly string[] {
    if ('or' in logic) return logic.or.flatMap(namesIn);
    return Object.values(logic).filter((name) => typeof name === 'string');
  }

  for (const vendor of vendors) {
    const models = findProvider({ providerId: vendor })?.models ?? [];
    const ids = new Set(models.flatMap((model) => [model.id, ...namesIn(model.match)]));
    const priced = [...ids].flatMap((id) => {
      const price = exactListPrice(vendor, id, peak);
      return price === undefined ? [] : [{ id, price }];
    });
    test(`at ${vendor}, by ${priced.length} names`, () => {
      assert.ok(priced.length > 5);
      for (const { id, price } of priced) {
        for (const input of sizes) {
          const theirs = calcPrice(
            { input_tokens: input, cache_read_tokens: 100, cache_write_tokens: 50, output_tokens: 77 },
            id,
            { providerId: vendor, timestamp: new Date(peak) },
          );
          const ours = costOf(price, {
            inputTokens: input,
            cacheReadTokens: 100,
            cacheWriteTokens: 50,
            outputTokens: 77,
          });
          // Ours is rounded up to a whole nano-dollar.
          const over = ours - (theirs?.total_price ?? Number.NaN) * 1e9;
          assert.ok(over > -1e-3 && over < 1, `${id} for ${input}: ${over}`);
        }
      }
    });
  }
});
