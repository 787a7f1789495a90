/** Drills: what callers would have seen, and which promises a config keeps. In compressed time, over real sockets. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type DrillResult, drill } from '../src/cli/drill/run.ts';
import { parseScript } from '../src/cli/drill/script.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** As somebody's own config is: real addresses, keys from variables that are not set here, a Redis that is not there. */
const yaml = `
redis: \${REDIS_URL}
store: postgres://nobody@127.0.0.1:1/none
providers:
  a: { type: openai, api_key_file: /no/such/file }
  b: { type: anthropic, api_key: "\${SECRET_OF_B}" }
  v: { type: vertex, project: acme, credentials: "\${file:/no/such/file}" }
  r: { type: bedrock, profile: acme, batch: { s3: s3://acme, role_arn: "arn:aws:iam::111122223333:role/x" } }
  z: { type: azure, endpoint: https://acme.openai.azure.com, entra: {} }
  l: { type: openai-compatible, base_url: "http://llama.internal/v1", headers: { x-team: "\${TEAM}" }, api_key_file: "\${SECRETS}/l" }
batch: { webhooks: { secret_file: /run/secrets/hook } }
prices:
  l/llama: { input: $0.10, output: $0.40 }
limits:
  a/gpt-4.1-nano: { rpm: 20 }
budgets:
  - { scope: key, key: search, daily: $3 }
  - { scope: all, daily: $50 }
routes:
  chain:
    chain: [a/gpt-4.1-mini, b/claude-haiku-4-5, v/gemini-2.5-flash, r/us.amazon.nova-pro-v1:0, z/gpt-4.1-mini, l/llama]
    rules:
      - when: { needs: [vision], priority: low }
        chain: [v/gemini-2.5-flash, b/claude-haiku-4-5]
  alone: { chain: [b/claude-haiku-4-5] }
  small: { chain: [a/gpt-4.1-nano, b/claude-haiku-4-5] }
  embed: { chain: [a/text-embedding-3-small] }
  nightly: { chain: [a/gpt-4.1-nano@batch] }
`;

describe('a drill', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'intermodal-drill-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const run = (
    text: string,
    events: readonly object[],
    minutes: number,
    perMinute = 12,
  ): Promise<DrillResult> => {
    const file = join(folder, 'gateway.yaml');
    writeFileSync(file, text);
    const script = parseScript('script', { events });
    return drill({ file, script, minutes, speed: 100, perMinute, perMinuteOf: new Map([['small', 60]]) });
  };
  const heldOf = (result: DrillResult) =>
    Object.fromEntries(result.promises.map(({ promise, held }) => [promise, held]));
  const allHeld = { outage: true, budget: true, limits: true, answered: true };

  test('shows who answers while a provider is down, and that a chain of one does not', async () => {
    const result = await run(yaml, [{ at: '1m', for: '1m', outage: 'b' }], 3);
    assert.deepEqual(heldOf(result), allHeld);
    const [first, second, third] = result.minutes;
    assert.deepEqual(first?.errors, {});
    assert.deepEqual(second?.happenings, ['b answers 503']);
    assert.ok(Object.keys(second?.errors ?? {}).length > 0);
    assert.ok((third?.ok ?? 0) > (second?.ok ?? 0));
    assert.ok((first?.costUsd ?? 0) > 0);
    assert.ok((first?.p95Ms ?? 0) >= 300, `${first?.p95Ms} ms`);
    const route = (name: string) => result.routes.find((one) => one.route === name);
    assert.deepEqual(route('chain')?.errors, {});
    assert.deepEqual(route('embed')?.errors, {});
    assert.ok((route('alone')?.ok ?? 0) < (route('alone')?.asked ?? 0));
    assert.ok(
      result.left.some((one) => one.startsWith('route nightly')),
      result.left.join(),
    );
    // The rule's picture of low priority went to its own chain.
    assert.ok((route('chain')?.servedBy['v/gemini-2.5-flash'] ?? 0) > 0);
  });

  test('every kind of provider is stood in for', async () => {
    const events = ['a', 'b', 'v', 'r', 'z'].map((outage, index) => ({ at: `${index + 1}m`, outage }));
    const result = await run(yaml, events, 7);
    const served = result.routes.find(({ route }) => route === 'chain')?.servedBy ?? {};
    assert.deepEqual(Object.keys(served).sort(), [
      'a/gpt-4.1-mini',
      'b/claude-haiku-4-5',
      'l/llama',
      'r/us.amazon.nova-pro-v1:0',
      'v/gemini-2.5-flash',
      'z/gpt-4.1-mini',
    ]);
    assert.equal(heldOf(result)['outage'], true);
  });

  test('a spent budget refuses its own key and nobody else, and is not passed', async () => {
    const result = await run(yaml, [{ at: '1m', budget_end: 'key:search' }], 3);
    assert.deepEqual(heldOf(result), allHeld);
    const [first, , third] = result.minutes;
    assert.deepEqual(first?.errors, {});
    assert.deepEqual(Object.keys(third?.errors ?? {}), ['over_budget']);
    assert.ok((third?.ok ?? 0) > 0, 'the other key is served');
  });

  test('a throttle goes by without a word to callers', async () => {
    const events = [{ at: '1m', for: '1m', throttle: 'a/gpt-*', retry_after: '5s' }];
    const result = await run(yaml, events, 3);
    assert.deepEqual(heldOf(result), allHeld);
    assert.deepEqual(
      result.minutes.map(({ errors }) => errors),
      [{}, {}, {}],
    );
  });

  /** A time budget shorter than the patience with one provider leaves no time for the next. */
  const impatient = `
providers:
  a: { type: openai, api_key: x }
  b: { type: anthropic, api_key: x }
timeouts: { first_byte: 20s, answer: 20s, first_token: 20s }
breaker: { failures: 1000 }
routes:
  chat: { chain: [a/gpt-4.1-mini, b/claude-haiku-4-5], budget: 10s }
`;

  test('a config that keeps no promise is found out', async () => {
    const result = await run(impatient, [{ at: '1m', for: '1m', outage: 'a', kind: 'silence' }], 3);
    assert.deepEqual(heldOf(result), { ...allHeld, outage: false });
    const broken = result.promises.find(({ promise }) => promise === 'outage');
    assert.match(
      broken?.because[0] ?? '',
      /^minute 2: chat was told \w+ while b\/claude-haiku-4-5 was well \(decision req_/,
    );
  });

  test('the command prints minutes, routes and promises, and fails where one broke', async () => {
    const [config, script] = [join(folder, 'impatient.yaml'), join(folder, 'script.yaml')];
    writeFileSync(config, impatient);
    writeFileSync(script, '- { at: 30s, for: 1m, outage: a, kind: silence }\n');
    const args = ['drill', config, '--script', script, '--minutes', '2', '--rate', '12', '--speed', '100'];
    const { code, out } = await command(args);
    assert.equal(code, 1, out);
    assert.match(out, /^minute +asked +ok +errors +p95 +cost +answered by +what happens$/m);
    assert.match(out, /^ +2 +\d+ .* a is silent$/m);
    assert.match(out, /^BROKEN +While any target of a chain is healthy/m);
    assert.match(out, /^held +Hard budgets are never passed\.$/m);
  });

  test('what cannot be rehearsed is told before anything runs', async () => {
    const rows: readonly [readonly object[], RegExp][] = [
      [[{ at: '1m', outage: 'nobody' }], /There is no provider "nobody"\. There are: a, b\./],
      [[{ at: '1m', budget_end: 'key:x' }], /The config has no budget of key:x/],
      [[{ at: '1m', budget_end: 'x' }], /must be all, or key:NAME/],
      [[{ at: '1m', outrage: 'a' }], /Write entries such as/],
      [[{ outage: 'a' }], /Write entries such as/],
    ];
    for (const [events, message] of rows)
      await assert.rejects(async () => run(impatient, events, 1), message);
    await assert.rejects(async () => run(impatient.replace('openai', 'opnai'), [], 1), /opnai/);
    const { code, err } = await command(['drill', join(folder, 'gateway.yaml'), '--rate', 'fast']);
    assert.equal(code, 1);
    assert.match(err, /--rate is "fast"/);
  });
});

function command(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['src/main.ts', ...args], { cwd: root });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      err += String(chunk);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}
