/**
 * The alert rules ask for what is there: every metric and every label of them is on the page of metrics, which another test holds to what
 * the gateway serves. Where Prometheus' own checker is on PATH, it reads them too.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

const file = fileURLToPath(new URL('../config/alerts.yaml', import.meta.url));
const page = readFileSync(new URL('../docs/reference/metrics.md', import.meta.url), 'utf8');

const rules = z
  .strictObject({
    groups: z.array(
      z.strictObject({
        name: z.string(),
        interval: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^Intermodal[A-Z]\w+$/),
            expr: z.string(),
            for: z.string().optional(),
            labels: z.strictObject({ severity: z.enum(['page', 'warn']) }),
            annotations: z.strictObject({ summary: z.string(), description: z.string() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(readFileSync(file, 'utf8')))
  .groups.flatMap((group) => group.rules);

/** Labels and type of each metric of the page. */
const served = new Map(
  [...page.matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \|/gm)].map(([, name = '', type = '', labels = '']) => [
    name,
    { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label) },
  ]),
);

/** As it stands on the page, and as a histogram's series are called. */
function metricOf(name: string): { type: string; labels: readonly string[] } | undefined {
  const plain = served.get(name);
  if (plain !== undefined) return plain.type === 'histogram' ? undefined : plain;
  const base = served.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  return base?.type === 'histogram' ? { ...base, labels: [...base.labels, 'le'] } : undefined;
}

describe('the alert rules', () => {
  test('are there, each once', () => {
    assert.ok(rules.length >= 8);
    assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
    assert.ok(served.size > 30, 'the page of metrics cannot be read');
  });

  for (const { alert, expr, annotations } of rules) {
    test(`${alert} asks for metrics and labels that are served`, () => {
      const names = [...expr.matchAll(/\b(?:intermodal|gen_ai)_\w+/g)].map(([name]) => name);
      assert.ok(names.length > 0);
      const labels = new Set<string>();
      for (const name of names) {
        const metric = metricOf(name);
        assert.ok(metric !== undefined, `${name} is not served`);
        for (const label of metric.labels) labels.add(label);
        // A count by itself says nothing: how it grows does, or that it is there and was not.
        const counted =
          new RegExp(`(?:rate|increase)\\(${name}[{[]`).test(expr) ||
          new RegExp(`unless [^\\n]*${name}\\{[^}]*\\} offset`).test(expr);
        assert.equal(metric.type !== 'gauge', counted, `${name} is a ${metric.type}`);
      }
      const asked = [
        ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/)),
        ...[...expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)"/g)].map(([, label = '']) => label),
      ];
      for (const label of asked) assert.ok(labels.has(label), `${label} is no label of ${names.join(', ')}`);
      const kept = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
      for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g))
        assert.ok(kept.includes(label), `${label} is summed away`);
    });
  }

  const promtool = spawnSync('promtool', ['--version']).error === undefined;
  test('are read by promtool', { skip: promtool ? false : 'promtool is not on PATH' }, () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  });
});
