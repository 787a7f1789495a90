import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { createFakeClock } from '../../test/support/clock.ts';
import type { ChatEndpoint, EmbeddingEndpoint, Provider, ProviderType } from '../providers/contract.ts';
import { defineProvider } from '../providers/contract.ts';
import { type Loaded, type LoadWorld, loadFile, loadText } from './load.ts';
import { problemJson, writeProblem } from './problem.ts';

/** What a target is made of, without a wire: nothing here is called. */
function endpoint(protocol: ChatEndpoint['protocol']): ChatEndpoint & EmbeddingEndpoint {
  return { protocol } as ChatEndpoint & EmbeddingEndpoint; // the config hands endpoints on, unopened
}

let made = 0;

const house: ProviderType = defineProvider({
  type: 'house',
  settings: z.strictObject({
    api_key: z.string().optional(),
    retries: z.int().optional(),
    loud: z.boolean().optional(),
    broken: z.boolean().optional(),
  }),
  create(name, settings): Provider {
    made += 1;
    if (settings.broken === true) throw new TypeError(`cannot use ${settings.api_key}`);
    return {
      name,
      type: 'house',
      ...(settings.api_key === undefined ? { warning: `provider "${name}" has no key` } : {}),
      chat: () => endpoint('openai-chat'),
      embeddings: () => endpoint('openai-embeddings'),
      price: () => ({ tiers: [{ aboveInputTokens: 0, rates: { input: 100, output: 400 } }] }),
    };
  },
});

const mute: ProviderType = defineProvider({
  type: 'mute',
  settings: z.strictObject({}),
  create: (name): Provider => ({ name, type: 'mute' }),
});

/** Has a batch API and no other, as resellers may. */
const slow: ProviderType = defineProvider({
  type: 'slow',
  settings: z.strictObject({}),
  create: (name, settings, world): Provider => {
    const { chat } = house.create(name, settings, world);
    return { name, type: 'slow', batchOnly: true, ...(chat === undefined ? {} : { chat }) };
  },
});

const base: LoadWorld = { registry: { house, mute, slow }, env: {}, clock: createFakeClock() };

function read(yaml: string, world: Partial<LoadWorld> = {}): Loaded {
  return loadText('gateway.yaml', yaml, { ...base, ...world });
}

function valid(yaml: string, world: Partial<LoadWorld> = {}): Extract<Loaded, { ok: true }> {
  const loaded = read(yaml, world);
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.problems.map(writeProblem).join('\n'));
  return loaded;
}

function refused(yaml: string, world: Partial<LoadWorld> = {}): readonly string[] {
  const loaded = read(yaml, world);
  assert.ok(!loaded.ok, 'the config was accepted');
  return loaded.problems.map(writeProblem);
}

const providers = 'providers: { one: { type: house, api_key: k }, two: { type: house, api_key: k } }\n';

describe('a valid config', () => {
  test('has the defaults of its documentation', () => {
    const { config, policy, warnings } = valid(`${providers}routes: { chat: { chain: [one/gpt-4.1] } }\n`);
    assert.deepEqual(config.server, {
      host: '127.0.0.1',
      port: 4000,
      max_body: 32_000_000,
      max_upload: 2_000_000_000,
      linger: 0,
      drain: 30_000,
      decisions: 10_000,
      log: 'info',
    });
    const route = policy.find('chat');
    assert.deepEqual(route?.retry, {
      rounds: 3,
      sameTarget: 0,
      baseMs: 250,
      capMs: 8000,
      retryAfterCapMs: 60_000,
    });
    assert.equal(route?.budgetMs, 300_000);
    assert.equal(route?.strict, false);
    assert.equal(route?.onContentFilter, 'return');
    assert.deepEqual(policy.breaker, {
      failures: 5,
      ratio: 0.5,
      windowMs: 30_000,
      openMs: 5000,
      openCapMs: 20_000,
    });
    assert.deepEqual(policy.targets[0]?.timeouts, {
      connectMs: 5000,
      firstByteMs: 15_000,
      firstTokenMs: 15_000,
      answerMs: 120_000,
      idleMs: 30_000,
      totalMs: 600_000,
      flexMs: 900_000,
    });
    assert.deepEqual(warnings, []);
  });

  test('opens a target once, but for routes with time limits of their own', () => {
    const { policy } = valid(`${providers}
routes:
  a: { chain: [one/gpt-4.1, two/gpt-4.1] }
  b: { chain: [one/gpt-4.1], timeouts: { first_token: 2s } }
  c: { chain: [{ split: [{ target: one/gpt-4.1, weight: 3 }, { target: two/gpt-4.1 }] }] }
`);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => policy.find(name)?.chain[0]?.options[0]?.target);
    assert.equal(a, c);
    assert.notEqual(a, b);
    assert.equal(b?.timeouts.firstTokenMs, 2000);
    assert.equal(b?.timeouts.connectMs, 5000);
    assert.deepEqual(
      policy.find('c')?.chain[0]?.options.map(({ target, weight }) => [target.name, weight]),
      [
        ['one/gpt-4.1', 3],
        ['two/gpt-4.1', 1],
      ],
    );
    assert.equal(policy.targets.length, 3);
  });

  test('reads conditions, one value or a list', () => {
    const { policy } = valid(`${providers}
routes:
  chat:
    chain: [one/gpt-4.1]
    rules:
      - when: { model: "gpt-*", tags: [a, b], headers: { X-Team: search* }, input_tokens: "> 8k", max_output_tokens: "<= 1k", needs: vision, stream: true, priority: [low, normal] }
        chain: [two/gpt-4.1]
`);
    assert.deepEqual(policy.find('chat')?.rules[0]?.when, {
      model: ['gpt-*'],
      tags: ['a', 'b'],
      headers: { 'x-team': 'search*' },
      inputTokens: { min: 8001 },
      maxOutputTokens: { max: 1000 },
      needs: ['vision'],
      stream: true,
      priority: ['low', 'normal'],
    });
    assert.match(policy.find('chat')?.rules[0]?.text ?? '', /^\{ model: gpt-\*, .*input_tokens: "> 8k"/);
  });

  test('overrides what the catalog knows, provider/model over model', () => {
    const { policy } = valid(`${providers}
models:
  gpt-4.1: { context: 500k, prefill: true, efforts: [low] }
  two/gpt-4.1: { context: 8k, max_output: 1k, capabilities: [tools] }
routes: { chat: { chain: [one/gpt-4.1, two/gpt-4.1] } }
`);
    const [one, two] = policy.targets;
    assert.equal(one?.model.contextTokens, 500_000);
    assert.equal(one?.model.maxOutputTokens, 32_768);
    assert.deepEqual(one?.model.efforts, ['low']);
    assert.equal(two?.model.contextTokens, 8000);
    assert.equal(two?.model.prefill, true);
    assert.deepEqual([...(two?.model.capabilities ?? [])], ['tools']);
  });

  test('opens the endpoints that a model has', () => {
    const { policy } = valid(`${providers}
routes: { chat: { chain: [one/gpt-4.1] }, embed: { chain: [one/text-embedding-3-small] }, any: { chain: [one/mystery] } }
`);
    const kinds = policy.targets.map((target) => [
      target.chat !== undefined,
      target.embeddings !== undefined,
    ]);
    assert.deepEqual(kinds, [
      [true, false],
      [false, true],
      [true, true],
    ]);
  });

  test('warns of providers without keys and of models that nobody knows, and still serves', () => {
    const { warnings } = valid(`
providers: { one: { type: house } }
models: { one/tuned: { context: 8k } }
routes: { chat: { chain: [one/gpt-4.1, one/gpt-4.l, one/tuned, one/qqqqqq] } }
`);
    const unknown = 'nothing is assumed about its size or abilities.';
    assert.deepEqual(warnings, [
      'provider "one" has no key',
      `the catalog does not know the model of one/gpt-4.l: ${unknown} Did you mean "gpt-4.1"?`,
      `the catalog does not know the model of one/qqqqqq: ${unknown}`,
    ]);
  });

  test('may use anchors, aliases and merge keys', () => {
    const { policy } = valid(`${providers}
routes:
  a: &usual
    chain: &chain [one/gpt-4.1]
    budget: 10s
  b: { <<: *usual, budget: 20s }
  c: { chain: *chain }
`);
    assert.equal(policy.find('b')?.chain[0]?.options[0]?.target.name, 'one/gpt-4.1');
    assert.equal(policy.find('b')?.budgetMs, 20_000);
    assert.equal(policy.find('c')?.budgetMs, 300_000);
  });
});

describe('variables', () => {
  const yaml =
    'providers: { one: { type: house, api_key: "${KEY}", retries: "${RETRIES}", loud: "${LOUD}" } }\nroutes: {}\n';
  test('become numbers and booleans where those are wanted, and stay texts elsewhere', () => {
    const { config } = valid(yaml, { env: { KEY: '4711', RETRIES: '3', LOUD: 'true' } });
    assert.deepEqual(config.providers['one'], { type: 'house', api_key: '4711', retries: 3, loud: true });
  });
  test('are shown by name, never by value', () => {
    const lines = refused(yaml, { env: { KEY: 'sk-1', RETRIES: 'sk-2', LOUD: 'sk-3' } });
    assert.deepEqual(lines, [
      'gateway.yaml:1:62 providers.one.retries: "${RETRIES}" is not a number. Write a number.',
      'gateway.yaml:1:82 providers.one.loud: "${LOUD}" is not true or false. Write true or false.',
    ]);
  });
  test('nor is what an address or a setting of the file itself may hide', () => {
    const registry = {
      house: defineProvider({
        type: 'house',
        settings: z.strictObject({ base_url: z.literal('x'), auth_token: z.literal('x') }),
        create: (name): Provider => ({ name, type: 'house' }),
      }),
    };
    const yaml =
      'providers: { a: { type: house, base_url: "http://me:sk-1@north/v1?key=sk-2", auth_token: sk-3 } }\nroutes: {}\n';
    assert.deepEqual(refused(yaml, { registry }), [
      'gateway.yaml:1:42 providers.a.base_url: "http://…@north/v1?…" is not allowed here. Allowed: x.',
      'gateway.yaml:1:90 providers.a.auth_token: the value (not shown) is not allowed here. Allowed: x.',
    ]);
  });
  test('may name targets, weights and durations', () => {
    const { policy } = valid(
      `${providers}routes: { chat: { chain: [{ split: [{ target: "\${WHO}/gpt-4.1", weight: "\${SHARE}" }] }], budget: "\${TIME:-7s}" } }\n`,
      { env: { WHO: 'two', SHARE: '2.5' } },
    );
    assert.deepEqual(
      policy.find('chat')?.chain[0]?.options.map(({ target, weight }) => [target.name, weight]),
      [['two/gpt-4.1', 2.5]],
    );
    assert.equal(policy.find('chat')?.budgetMs, 7000);
  });
});

describe('providers', () => {
  test('are kept over a reload while their settings are the same', () => {
    const first = valid(`${providers}routes: {}\n`);
    const before = made;
    const changed =
      'providers: { one: { type: house, api_key: k }, two: { type: house, api_key: other } }\nroutes: {}\n';
    const second = valid(changed, { previous: first.providers });
    assert.equal(made, before + 1);
    assert.equal(second.providers.get('one')?.provider, first.providers.get('one')?.provider);
    assert.notEqual(second.providers.get('two')?.provider, first.providers.get('two')?.provider);
  });
  test('that cannot be made are a problem, without the words of a stranger', () => {
    const lines = refused('providers: { one: { type: house, api_key: sk-1, broken: true } }\nroutes: {}\n');
    assert.deepEqual(lines, [
      'gateway.yaml:1:19 providers.one: this provider cannot be made from its settings. Look at its addresses and credentials, also at those from the environment.',
    ]);
  });
  test('that offer nothing that a target needs are a problem', () => {
    const lines = refused('providers: { m: { type: mute } }\nroutes: { chat: { chain: [m/gpt-4.1] } }\n');
    assert.deepEqual(lines, [
      'gateway.yaml:2:27 routes.chat.chain[0]: "m/gpt-4.1" cannot be called: provider "m" offers no chat. Name another provider or model.',
    ]);
  });
  test('that have a batch API alone are called in no other mode, and the fix says how to name them', () => {
    const yaml = (target: string): string =>
      `providers: { s: { type: slow } }\nroutes: { chat: { chain: [${target}] } }\n`;
    assert.deepEqual(refused(yaml('s/gpt-4.1')), [
      'gateway.yaml:2:27 routes.chat.chain[0]: "s/gpt-4.1" cannot be called: provider "s" offers no chat. It has a batch API alone: write s/gpt-4.1@batch.',
    ]);
    const { policy } = valid('providers: { s: { type: slow } }\nroutes: {}\n');
    const direct = (name: string) => policy.find(name)?.chain[0]?.options[0]?.target;
    assert.equal(direct('s/gpt-4.1')?.chat, undefined);
  });
});

describe('files', () => {
  test('one that is not there is told of', () => {
    const loaded = loadFile('/nowhere/gateway.yaml', base);
    assert.ok(!loaded.ok);
    assert.deepEqual(loaded.problems.map(writeProblem), [
      '/nowhere/gateway.yaml:1:1: there is no such file. Name a file that exists.',
    ]);
    assert.deepEqual(loaded.problems.map(problemJson), [
      {
        file: '/nowhere/gateway.yaml',
        line: 1,
        column: 1,
        path: '',
        message: 'there is no such file',
        fix: 'Name a file that exists.',
      },
    ]);
  });
  test('a folder is none', () => {
    const loaded = loadFile('/', base);
    assert.ok(!loaded.ok);
    assert.equal(loaded.problems[0]?.message, 'the file cannot be read');
  });
  test('one made to explode is refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, index) => `a${index + 1}: &a${index + 1} [${Array(9).fill(`*a${index}`).join(', ')}]`,
    );
    const lines = refused(`a0: &a0 [x]\n${levels.join('\n')}\n`);
    assert.deepEqual(lines, ['gateway.yaml:1:1: there are too many aliases to follow. Use at most 100.']);
  });
});
