import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import fixtures from './fixtures/limits.json' with { type: 'json' };
import { provider } from './index.ts';
import { settings } from './settings.ts';

const clock = { now: () => 0, after: () => () => {} };
const account = provider.create('account', settings.parse({ endpoint: 'https://acme.openai.azure.com' }), {
  env: {},
  clock,
});
const endpoints = [
  account.chat?.(modelInfo('gpt-4o')),
  account.embeddings?.(modelInfo('text-embedding-3-small')),
];

describe('limits told beside answers', () => {
  for (const { from, headers, report } of fixtures)
    test(`are read as recorded: ${from}`, () => {
      for (const endpoint of endpoints)
        assert.deepEqual(endpoint?.readLimits?.(present(headers)) ?? null, report);
    });
});

/** The rows of a JSON file get one type together, in which every header may be missing. */
function present(headers: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
