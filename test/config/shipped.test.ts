/** The configs that the product ships are valid, for the gateway and for editors. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { loadFile } from '../../src/config/load.ts';
import { writeProblem } from '../../src/config/problem.ts';
import { asObject } from '../../src/core/json.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { faultPlanSchema } from '../../src/simulator/faults.ts';
import { createFakeClock } from '../support/clock.ts';
import { brokenConfigs } from './broken.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const files = globSync(['config/*.yaml', 'examples/*.yaml'], { cwd: root }).sort();

/** What an operator of all providers has set. */
const env = {
  OPENAI_API_KEY: 'k',
  ANTHROPIC_API_KEY: 'k',
  AZURE_OPENAI_API_KEY: 'k',
  AZURE_OPENAI_ENDPOINT: 'https://acme.openai.azure.com',
  GOOGLE_CLOUD_PROJECT: 'acme',
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'k',
  AWS_SECRET_ACCESS_KEY: 'k',
};

const schema: unknown = JSON.parse(readFileSync(join(root, 'config/schema.json'), 'utf8'));
const validate = new Ajv2020({ allowUnionTypes: true, formats: { uri: true } }).compile(asObject(schema));

function load(file: string, variables: Readonly<Record<string, string>> = env) {
  const world = { registry: providerTypes, env: variables, clock: createFakeClock() };
  return loadFile(join(root, file), { ...world, simulatorSchema: faultPlanSchema });
}

describe('shipped configs', () => {
  test('are at least five', () => assert.ok(files.length >= 5, files.join(', ')));
  for (const file of files) {
    test(`${file} loads without an error or a warning`, () => {
      const loaded = load(file);
      assert.deepEqual(loaded.ok ? loaded.warnings : loaded.problems.map(writeProblem), []);
    });
    test(`${file} is right in an editor, and says where its schema is`, () => {
      const text = readFileSync(join(root, file), 'utf8');
      assert.match(text, /^# yaml-language-server: \$schema=\.[./\w]*schema\.json\n/);
      assert.ok(validate(parse(text)), JSON.stringify(validate.errors?.slice(0, 3)));
    });
  }

  test('the demo needs nothing of the environment, and shows every provider type', () => {
    const loaded = load('config/demo.yaml', {});
    assert.ok(loaded.ok);
    assert.deepEqual(loaded.warnings, []);
    const types = [...loaded.providers.values()].map(({ provider }) => provider.type);
    assert.deepEqual(types.sort(), Object.keys(providerTypes).sort());
  });

  test('production without keys warns, and loads', () => {
    const loaded = load('config/production.yaml', {});
    assert.ok(loaded.ok);
    assert.ok(loaded.warnings.length >= 3);
  });
});

describe('the JSON Schema for editors', () => {
  /** What only the gateway can know: references, order, what a variable holds. */
  const shapeAlone = brokenConfigs.filter((broken) =>
    /^a (?:misspelt (?:section|server key|setting|route key|condition|fault|capability|key of a model)|port that)/.test(
      broken.name,
    ),
  );
  test('refuses what is misspelt', () => {
    assert.ok(shapeAlone.length >= 8);
    for (const broken of shapeAlone) assert.equal(validate(parse(broken.yaml)), false, broken.name);
  });
  test('takes a variable anywhere', () => {
    const yaml = `
server: { port: "\${PORT}", drain: "\${DRAIN:-5s}", max_body: "\${MAX}", log: "\${LOG:-info}" }
providers: { a: { type: openai, base_url: "\${URL}" } }
direct: "\${DIRECT:-true}"
routes: { chat: { chain: ["\${WHO}/gpt-4.1"], strict: "\${STRICT}" } }
`;
    assert.ok(validate(parse(yaml)), JSON.stringify(validate.errors));
  });
  test('describes the keys that people write', () => {
    const properties = asObject(asObject(schema)['properties']);
    for (const key of Object.keys(properties)) assert.ok(asObject(properties[key])['description'], key);
  });
});

test('what is generated is what `npm run gen` writes', () => {
  const said = execFileSync(process.execPath, ['scripts/gen.ts', '--check'], { cwd: root, encoding: 'utf8' });
  assert.match(said, /^[1-9]\d* generated files, 0 differ$/m);
});
