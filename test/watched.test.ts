/**
 * What Prometheus and Grafana are told to ask is served, means what it says, and every alert fires when it should and only then. Where promtool
 * is on PATH (Debian: apt-get install prometheus), it has the last word.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { asArray, asObject, asString } from '../src/core/json.ts';
import { at, deploy, only, read, root } from './support/deploy.ts';

/** By metric: its labels. A test holds that page to what the gateway serves. */
const known = new Map<string, readonly string[]>();
const page = readFileSync(join(root, 'docs/reference/metrics.md'), 'utf8');
for (const [, name = '', type = '', labels = ''] of page.matchAll(/^\| `(\w+)` \| (\w+) \| (.+?) \|/gm)) {
  const names = [...labels.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '');
  if (type !== 'histogram') known.set(name, names);
  else {
    known.set(`${name}_bucket`, [...names, 'le']);
    for (const suffix of ['_sum', '_count']) known.set(name + suffix, names);
  }
}
known.set('up', ['job', 'instance']);

const expressions: (readonly [string, string])[] = [];
for (const group of asArray(only('prometheus/alerts.yaml')['groups']))
  for (const rule of asArray(at(group, 'rules')))
    expressions.push([`alert ${asString(at(rule, 'alert'))}`, asString(at(rule, 'expr')) ?? '']);
const dashboard: unknown = JSON.parse(read('grafana/dashboards/intermodal.json'));
for (const panel of asArray(at(dashboard, 'panels')))
  for (const target of asArray(at(panel, 'targets')))
    expressions.push([`panel ${asString(at(panel, 'title'))}`, asString(at(target, 'expr')) ?? '']);
const adapter = at(only('kubernetes/prometheus-adapter-rules.yaml'), 'rules', 'external', 0);
expressions.push(['the adapter', asString(at(adapter, 'metricsQuery')) ?? '']);

describe('what is watched', () => {
  test('there is enough to look at', () => assert.ok(expressions.length >= 25, `${expressions.length}`));

  for (const [what, expression] of expressions)
    test(`${what} asks for metrics and labels that there are`, () => {
      const metrics = [...expression.matchAll(/\b((?:intermodal|gen_ai)_\w+|up)\b(?=[\s{[)]|$)/g)].map(
        (match) => match[1] ?? '',
      );
      const asked = metrics.filter(
        (name) => !/^gen_ai_(?:request|token|operation|provider)_\w+$/.test(name) || known.has(name),
      );
      assert.ok(asked.length > 0, expression);
      const labels = new Set(
        asked.flatMap((name) => known.get(name) ?? assert.fail(`${name} is not served`)),
      );
      const used = [
        ...[...expression.matchAll(/by \(([^)]*)\)/g)].flatMap((match) => (match[1] ?? '').split(',')),
        ...[...expression.matchAll(/(\w+)(?:=~|!=|=)"/g)].map((match) => match[1] ?? ''),
      ].map((label) => label.trim());
      for (const label of used) assert.ok(labels.has(label), `${label} in ${expression}`);
    });

  test('what a rule says of its labels, its expression keeps', () => {
    for (const group of asArray(only('prometheus/alerts.yaml')['groups']))
      for (const rule of asArray(at(group, 'rules'))) {
        const text = JSON.stringify(at(rule, 'annotations'));
        const expression = asString(at(rule, 'expr')) ?? '';
        const kept = [...expression.matchAll(/by \(([^)]*)\)/g)]
          .flatMap((match) => (match[1] ?? '').split(','))
          .map((one) => one.trim());
        for (const [, label = ''] of text.matchAll(/\$labels\.(\w+)/g))
          assert.ok(kept.includes(label) || expression.startsWith('up'), `${label} in ${text}`);
      }
  });

  test('the autoscaler asks for what the adapter makes', () => {
    const name = at(only('kubernetes/autoscaler.yaml'), 'spec', 'metrics', 1, 'external', 'metric', 'name');
    assert.equal(name, at(adapter, 'name', 'as'));
  });
});

describe('every alert', () => {
  const rules = asArray(only('prometheus/alerts.yaml')['groups']).flatMap((group) =>
    asArray(at(group, 'rules')),
  );
  const alerts = rules.map((rule) => asString(at(rule, 'alert')) ?? '');
  const checks = asArray(only('prometheus/alerts.test.yaml')['tests']).flatMap((one) =>
    asArray(at(one, 'alert_rule_test')),
  );
  const expected = (check: unknown): readonly unknown[] => asArray(at(check, 'exp_alerts'));

  test('is asked for by its name', () => {
    assert.ok(alerts.length >= 16, `only ${alerts.length} alerts`);
    assert.equal(new Set(alerts).size, alerts.length);
    for (const check of checks)
      assert.ok(alerts.includes(asString(at(check, 'alertname')) ?? ''), JSON.stringify(check));
  });

  test('is explained to who operates it, with how urgent it is', () => {
    const explained = readFileSync(join(root, 'docs/operate-it.md'), 'utf8');
    const rows = [...explained.matchAll(/^\| `(\w+)` \((page|warn)\) \| .+\. \| .+\. \|$/gm)];
    assert.deepEqual(
      rows.map(([, alert, severity]) => `${alert} ${severity}`),
      rules.map((rule) => `${asString(at(rule, 'alert'))} ${asString(at(rule, 'labels', 'severity'))}`),
    );
  });

  for (const alert of alerts)
    test(`${alert} has a case in which it fires, and one in which it does not`, () => {
      const own = checks.filter((check) => at(check, 'alertname') === alert);
      const firing = own.filter((check) => expected(check).length > 0);
      assert.ok(firing.length > 0, 'it never fires');
      assert.ok(firing.length < own.length, 'it always fires');
      for (const one of firing.flatMap(expected)) {
        assert.ok(asObject(at(one, 'exp_labels'))['severity'], 'its labels are looked at');
        assert.deepEqual(Object.keys(asObject(at(one, 'exp_annotations'))), ['summary', 'description']);
      }
    });
});

const without = spawnSync('promtool', ['--version']).status !== 0;
const skip = without && 'promtool is not on PATH: apt-get install prometheus';
describe('promtool', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-promtool-'));
  after(() => rmSync(folder, { recursive: true }));

  function promtool(...args: readonly string[]): void {
    const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  }

  test('reads the rules', () => promtool('check', 'rules', join(deploy, 'prometheus/alerts.yaml')));

  test('runs their cases', () => promtool('test', 'rules', join(deploy, 'prometheus/alerts.test.yaml')));

  test('reads the config', () => {
    const file = join(folder, 'prometheus.yaml');
    const here = read('prometheus/prometheus.yaml').replace(
      '/etc/prometheus/',
      `${join(deploy, 'prometheus')}/`,
    );
    assert.ok(here.includes(`${deploy}/prometheus/alerts.yaml`));
    writeFileSync(file, here);
    promtool('check', 'config', file);
  });

  test('reads what the dashboard and the adapter ask', () => {
    const rules = expressions.map(([, expr], index) => ({ record: `asked:${index}`, expr }));
    const file = join(folder, 'asked.yaml');
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'asked', rules }] }));
    promtool('check', 'rules', file);
  });
});
