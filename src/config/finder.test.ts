import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { createFakeClock } from '../../test/support/clock.ts';
import type { ChatEndpoint, Provider } from '../providers/contract.ts';
import { defineProvider } from '../providers/contract.ts';
import type { Policy } from '../router/contract.ts';
import { loadText } from './load.ts';

const house = defineProvider({
  type: 'house',
  settings: z.strictObject({}),
  create: (name): Provider => ({
    name,
    type: 'house',
    chat: (): ChatEndpoint => ({ protocol: 'other' }) as ChatEndpoint, // never called here
  }),
});

function policyOf(more = ''): Policy {
  const yaml = `
providers: { one: { type: house }, two: { type: house } }
routes:
  chat: { aliases: [default, one/pinned], chain: [one/gpt-4.1] }
  "gpt-*": { chain: [one/*, two/fixed], rules: [{ when: { stream: true }, chain: [two/*] }] }
  "gpt-4*": { chain: [two/*] }
${more}`;
  const loaded = loadText('gateway.yaml', yaml, { registry: { house }, env: {}, clock: createFakeClock() });
  assert.ok(loaded.ok);
  return loaded.policy;
}

const chainOf = (policy: Policy, model: string): readonly string[] | undefined =>
  policy.find(model)?.chain.flatMap((step) => step.options.map((option) => option.target.name));

const table: readonly (readonly [name: string, chain: readonly string[] | undefined])[] = [
  ['chat', ['one/gpt-4.1']],
  ['default', ['one/gpt-4.1']],
  ['one/pinned', ['one/gpt-4.1']],
  ['gpt-5', ['one/gpt-5', 'two/fixed']],
  ['gpt-4.1', ['two/gpt-4.1']],
  ['gpt-4/deep/name', ['two/gpt-4/deep/name']],
  ['two/anything', ['two/anything']],
  ['two/claude-haiku-4-5@20251001', ['two/claude-haiku-4-5@20251001']],
  ['three/anything', undefined],
  ['anything', undefined],
  ['one/', undefined],
  ['one/*', undefined],
  ['two/anything@batch', undefined],
  ['gpt-5@batch', undefined],
  ['', undefined],
  [`one/${'x'.repeat(300)}`, undefined],
  ['__proto__', undefined],
  ['constructor/x', undefined],
];

describe('the route for a name', () => {
  for (const [name, chain] of table)
    test(`${name.slice(0, 40) || 'nothing'} is served by ${chain?.join(', ') ?? 'none'}`, () =>
      assert.deepEqual(chainOf(policyOf(), name), chain));

  test('fills the rules of a pattern too', () => {
    const rule = policyOf().find('gpt-5')?.rules[0];
    assert.equal(rule?.chain[0]?.options[0]?.target.name, 'two/gpt-5');
    assert.equal(rule?.chain[0]?.options[0]?.target.model.id, 'gpt-5');
  });

  test('is made once while it is in use', () => {
    const policy = policyOf();
    const first = policy.find('gpt-5');
    for (let index = 0; index < 1500; index++) {
      policy.find(`gpt-other-${index}`);
      if (index % 500 === 0) assert.equal(policy.find('gpt-5'), first);
    }
    assert.equal(policy.find('gpt-5'), first);
    for (let index = 0; index < 1000; index++) policy.find(`gpt-more-${index}`);
    assert.notEqual(policy.find('gpt-5'), first);
  });

  test('direct targets can be forbidden', () => {
    const policy = policyOf('direct: false\n');
    assert.equal(policy.find('two/anything'), undefined);
    assert.deepEqual(chainOf(policy, 'one/pinned'), ['one/gpt-4.1']);
  });

  test('a direct target has the budget of a route', () =>
    assert.equal(policyOf().find('two/anything')?.budgetMs, 300_000));

  test('names are those that clients can list', () =>
    assert.deepEqual(policyOf().names, ['chat', 'default', 'one/pinned']));
});
