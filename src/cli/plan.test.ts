import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { entry } from '../../test/support/stores.ts';
import { openStores } from '../stores/open.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'intermodal-plan-'));
after(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const storeFile = join(folder, 'store.db');
const config = put(
  'config.yaml',
  `providers: { openai: { type: openai, api_key: k }, local: { type: openai-compatible, base_url: 'http://127.0.0.1:1/v1' } }
store: ${join(folder, 'none-yet.db')}
routes:
  sort: { chain: [openai/gpt-4.1-nano@batch] }
  judge: { chain: [openai/gpt-4.1@batch] }
  here: { chain: [local/llama] }
`,
);
const line = (id: string, model: string, text: string): string =>
  `${JSON.stringify({ custom_id: id, method: 'POST', url: '/v1/chat/completions', body: { model, messages: [{ role: 'user', content: text }] } })}\n`;
const items = put('items.jsonl', line('a', 'sort', 'x') + line('b', 'sort', 'x') + line('c', 'judge', 'x'));

function plan(...options: string[]) {
  const args = ['src/main.ts', 'plan', ...options, '--config', config];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

function json(...options: string[]) {
  const { status, stdout, stderr } = plan(...options, '--json');
  assert.equal(stderr, '');
  return { status, ...JSON.parse(stdout) };
}

describe('intermodal plan', () => {
  before(async () => {
    const stores = await openStores(storeFile);
    const known = { provider: 'openai', exact: true, inputTokens: 900, roughInputTokens: 450 };
    const old = Date.now() - 31 * 86_400_000;
    await stores.ledger.append([
      entry('s', {
        ...known,
        atMs: Date.now(),
        route: 'sort',
        model: 'gpt-4.1-nano',
        items: 50,
        outputTokens: 500,
      }),
      entry('old', { ...known, atMs: old, route: 'judge', model: 'gpt-4.1', items: 50, outputTokens: 500 }),
    ]);
    await stores.close();
  });

  test('prints what is sent where, for how much, what is saved and how that is known', () => {
    const { status, stdout, stderr } = plan(items, '--expect-output', '100');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^lines +3$/m);
    assert.match(stdout, /^twins +1$/m);
    assert.match(stdout, /^openai\/gpt-4\.1@batch +1 +1 +\d+ +0 +100 +\$0\.0004/m);
    assert.match(stdout, /^total +2 +2 +\d+ +0 +200 +/m);
    assert.match(stdout, /^all sync by openai\/gpt-4\.1 +\$0\.0024\d\d +\$0\.00 +0\.0$/m);
    assert.match(stdout, /^by its batch API +\$0\.0012\d\d +\$0\.0012\d\d +50\.0$/m);
    assert.match(stdout, /^without twins +/m);
    assert.doesNotMatch(stdout, /^without what rules answer/m);
    assert.match(stdout, /^judge +openai\/gpt-4\.1@batch +100 +as --expect-output says$/m);
    assert.match(stdout, /^By batch, within 24h; what is not done after 23h\d+m is asked one by one\.$/m);
    assert.doesNotMatch(stdout, /Run a small part/);
  });

  test('says the same as JSON, and what it has learnt from a ledger', () => {
    const learnt = json(items, '--store', storeFile);
    assert.equal(learnt.status, 0);
    assert.deepEqual([learnt.lines, learnt.twins, learnt.sent, learnt.submissions], [3, 1, 2, 2]);
    assert.deepEqual(
      learnt.expected.map((one: Record<string, unknown>) => [
        one['route'],
        one['output_from'],
        one['output_tokens'],
        one['input_factor'],
      ]),
      [
        ['sort', 'route', 10, 2],
        ['judge', 'assumed', 512, 1],
      ],
    );
    assert.equal(learnt.baseline, 'openai/gpt-4.1');
    assert.equal(learnt.savings.at(-1).cost_usd, learnt.cost_usd);
    assert.equal(learnt.time.mode, 'batch');
    const sort = learnt.targets.find((one: { target: string }) => one.target === 'openai/gpt-4.1-nano@batch');
    assert.equal(sort.output_tokens, 10);
  });

  test('reckons from the model that is named', () => {
    assert.equal(json(items, '--baseline', 'openai/gpt-4.1-mini').baseline, 'openai/gpt-4.1-mini');
  });

  test('takes another route for all of it, and says what of it is asked one by one', () => {
    const { targets, time } = json(items, '--route', 'here');
    assert.deepEqual(
      targets.map((one: Record<string, unknown>) => [one['target'], one['items'], one['cost_usd']]),
      [['local/llama', 1, null]],
    );
    assert.deepEqual([time.mode, time.turns_sync_after_ms], ['sync', null]);
    const { stdout } = plan(items, '--route', 'here');
    assert.match(stdout, /The price of local\/llama is not known; set it under "prices:"\./);
    assert.match(stdout, /^local\/llama +1 +one by one .* unknown$/m);
  });

  test('makes requests of rows and a template, as they are submitted', () => {
    const rows = put('rows.csv', 'id,text\n1,x\n2,y\n3,x\n');
    const template = put('template.json', '{"messages":[{"role":"user","content":"{{text}}"}]}');
    const { lines, twins, sent } = json(rows, '--template', template, '--id', 'id', '--model', 'sort');
    assert.deepEqual([lines, twins, sent], [3, 1, 2]);
  });

  test('names lines that cannot be sent, and ends with 2', () => {
    const some = put('some.jsonl', `nonsense\n${line('a', 'sort', 'x')}\n${line('b', 'sotr', 'x')}`);
    const { status, stdout } = plan(some);
    assert.equal(status, 2);
    assert.match(stdout, /^line 1: The line cannot be submitted: it is not JSON\.$/m);
    assert.match(stdout, /^line 4: No route or model is named "sotr"\. Did you mean "sort"\?$/m);
    assert.equal(json(some).rejected, 2);
  });

  const refused: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['a file that is not there', ['none.jsonl'], /ENOENT/],
    ['a file without a request', [put('empty.jsonl', '\n')], /has no line that can be sent/],
    [
      'lines for two endpoints',
      [
        put(
          'mixed.jsonl',
          line('a', 'sort', 'x') + line('b', 'sort', 'x').replace('chat/completions', 'embeddings'),
        ),
      ],
      /line 2: it goes to \/v1\/embeddings, and those before go to \/v1\/chat\/completions\. Plan one file for each\./,
    ],
    ['a store that is not there', [items, '--store', join(folder, 'none.db')], /There is no store at/],
    ['a model that nobody knows', [items, '--baseline', 'openai/gpt-4.1-minj'], /No price is known of/],
    ['a length of no tokens', [items, '--expect-output', 'none'], /Write a whole number over zero/],
  ];
  for (const [what, options, said] of refused)
    test(`refuses ${what}, and says what to do`, () => {
      const { status, stdout, stderr } = plan(...options);
      assert.equal(status, 1, stdout);
      assert.match(stderr, said);
      assert.doesNotMatch(stderr, /\n +at /);
    });
});
