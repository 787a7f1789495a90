import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { asArray, asObject } from '../core/json.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'intermodal-check-'));
after(() => rmSync(folder, { recursive: true }));

const good = join(folder, 'good.yaml');
const bad = join(folder, 'bad.yaml');
writeFileSync(
  good,
  'providers: { openai: { type: openai, api_key: k } }\nroutes:\n  chat: { aliases: [gpt], chain: [openai/gpt-4.1-mini] }\n  "gpt-*": { chain: [openai/*] }\n',
);
const money = join(folder, 'money.yaml');
writeFileSync(
  money,
  `providers: { openai: { type: openai, api_key: k }, local: { type: openai-compatible, base_url: 'http://127.0.0.1:1/v1' } }
limits:
  openai: { rpm: 5000, input_tpm: 2M }
  openai/gpt-4.1-mini: { concurrent: 8, burst: 50% }
budgets:
  - { scope: all, daily: $200, monthly: $3000 }
  - { scope: key, key: "*", daily: $20.50, zone: Europe/Berlin, hard: false }
prices:
  local/qwen: { input: $0.075, output: $1200 }
routes:
  chat: { chain: [openai/gpt-4.1-mini, local/qwen, local/other] }
  "gpt-*": { timeouts: { answer: 5s }, chain: [openai/*, openai/gpt-4.1-mini] }
`,
);
writeFileSync(bad, 'providers: { openai: { type: opnai } }\nroutes: {}\nwebhooks: {}\n');

function check(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/main.ts', 'check', ...options], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('intermodal check', () => {
  test('prints the routes of a valid file, patterns and aliases too', () => {
    const { status, stdout, stderr } = check(good);
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.match(stdout, /^chat \(gpt\) +openai\/gpt-4\.1-mini$/m);
    assert.match(stdout, /^gpt-\* +openai\/\*$/m);
    assert.match(stdout, /good\.yaml is valid: 2 routes, 2 targets, 0 warnings\.\n$/);
  });

  test('prints what each target costs and which limits it falls under; what nobody knows stands out', () => {
    const { stdout } = check(money);
    const row = (target: string) =>
      stdout
        .split('\n')
        .find((line) => line.startsWith(`${target} `))
        ?.split(/ {2,}/);
    assert.match(stdout, /^Dollars for a million tokens:$/m);
    assert.deepEqual(row('openai/gpt-4.1-mini')?.slice(1, 3), ['$0.40', '$1.60']);
    assert.deepEqual(row('openai/gpt-4.1-mini')?.slice(-2), ['its list', 'openai, openai/gpt-4.1-mini']);
    assert.deepEqual(row('local/qwen')?.slice(1), ['$0.075', '$1,200.00', '-', '-', 'prices:', '-']);
    assert.deepEqual(row('local/other')?.slice(1), ['-', '-', '-', '-', '! UNKNOWN', '-']);
    assert.deepEqual(row('openai/*')?.slice(-2), ['the model named', 'openai']);
    assert.equal(stdout.split('\n').filter((line) => line.startsWith('openai/gpt-4.1-mini ')).length, 2);
    assert.match(stdout, /^! the price of local\/other is unknown: /m);
  });

  test('prints the limits and the budgets, with what holds where nothing is written', () => {
    const { stdout } = check(money);
    assert.match(stdout, /^limits of +rpm +input_tpm +concurrent +burst +headroom$/m);
    assert.match(stdout, /^openai +5,000 +2,000,000 +- +97% +70%$/m);
    assert.match(stdout, /^openai\/gpt-4\.1-mini +- +- +8 +50% +70%$/m);
    assert.match(stdout, /^budget of +daily +monthly +zone +when spent +warns at$/m);
    assert.match(stdout, /^all +\$200\.00 +\$3,000\.00 +UTC +refuses +80%, 100%$/m);
    assert.match(stdout, /^each key +\$20\.50 +- +Europe\/Berlin +warns only +80%, 100%$/m);
    assert.doesNotMatch(check(good).stdout, /limits of|budget of/);
  });

  test('tells programs the same', () => {
    const told = asObject(JSON.parse(check(money, '--json').stdout));
    assert.deepEqual(asArray(told['limits'])[0], {
      name: 'openai',
      rpm: 5000,
      input_tpm: 2_000_000,
      burst: 0.97,
      headroom: 0.7,
    });
    assert.deepEqual(asArray(told['budgets'])[1], {
      scope: 'key',
      of: '*',
      daily_usd: 20.5,
      weekly_usd: null,
      monthly_usd: null,
      per_batch_usd: null,
      zone: 'Europe/Berlin',
      hard: false,
      alerts: [0.8, 1],
    });
    const targets = asArray(told['targets']).map(asObject);
    assert.deepEqual(
      targets.map((target) => [target['name'], target['price_from']]),
      [
        ['openai/gpt-4.1-mini', 'list'],
        ['local/qwen', 'config'],
        ['local/other', 'unknown'],
        ['openai/*', 'named'],
      ],
    );
    assert.equal(targets[2]?.['price'], null);
    const [tier] = asArray(targets[0]?.['price']);
    assert.equal(asObject(tier)['input_usd_per_million'], 0.4);
  });

  test('prints every problem of a broken one, says what to do, and fails', () => {
    const { status, stdout, stderr } = check(bad);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    const lines = stderr.split('\n');
    assert.equal(
      lines[0],
      `${bad}:1:30 providers.openai.type: unknown provider type "opnai". Did you mean "openai"?`,
    );
    assert.match(lines[1] ?? '', /bad\.yaml:3:1 webhooks: unknown key "webhooks"\. Allowed: server, /);
    assert.match(stderr, /^2 problems\. Mend the file and check it again/m);
  });

  test('speaks JSON to programs, both ways', () => {
    const valid = asObject(JSON.parse(check(good, '--json').stdout));
    assert.equal(valid['ok'], true);
    assert.equal(asArray(valid['routes']).length, 2);
    const refused = check(bad, '--json');
    assert.equal(refused.status, 1);
    const [problem] = asArray(asObject(JSON.parse(refused.stdout))['problems']);
    assert.deepEqual(problem, {
      file: bad,
      line: 1,
      column: 30,
      path: 'providers.openai.type',
      message: 'unknown provider type "opnai"',
      fix: 'Did you mean "openai"?',
    });
  });

  test('fails where there is no file', () => {
    const { status, stderr } = check(join(folder, 'none.yaml'));
    assert.equal(status, 1);
    assert.match(stderr, /none\.yaml:1:1: there is no such file\. Name a file that exists\./);
  });
});
