import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { z } from 'zod';
import { createFakeClock } from '../../test/support/clock.ts';
import { asObject } from '../core/json.ts';
import { orFile } from '../core/or-file.ts';
import { defineProvider, type Provider } from '../providers/contract.ts';
import { configJsonSchema, editorSchema } from './json-schema.ts';
import { type Loaded, type LoadWorld, loadText } from './load.ts';
import { writeProblem } from './problem.ts';

const keys: (string | undefined)[] = [];

const house = defineProvider({
  type: 'house',
  settings: z.strictObject({
    api_key: orFile(z.string().min(1)).optional(),
    region: z.string().optional(),
    hook: z.strictObject({ secret: orFile(z.string()).default('none') }).optional(),
  }),
  create(name, settings, { env }): Provider {
    keys.push(settings.api_key ?? env['HOUSE_KEY']);
    return { name, type: 'house' };
  },
});

/** Cannot do without its token, and has a `token_file` of another meaning beside its note. */
const strict = defineProvider({
  type: 'strict',
  settings: z.strictObject({
    token: orFile(z.string()),
    note: orFile(z.string()).optional(),
    note_file: z.literal('mine').optional(),
  }),
  create: (name): Provider => ({ name, type: 'strict' }),
});

const registry = { house, strict };
const base: LoadWorld = { registry, env: {}, clock: createFakeClock() };

const folder = mkdtempSync(join(tmpdir(), 'intermodal-key-files-'));
after(() => rmSync(folder, { recursive: true }));

function put(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const key = put('key', 'sk-of-a-file\n');

const read = (yaml: string, world: Partial<LoadWorld> = {}): Loaded =>
  loadText('gateway.yaml', `${yaml}\nroutes: {}\n`, { ...base, ...world });

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

const one = (settings: string): string => `providers: { one: { type: house, ${settings} } }`;

describe('KEY_file', () => {
  test('is the key with what is in the file, at any depth of any section', () => {
    const { config } = valid(
      `providers:
  one: { type: house, api_key_file: ${key}, hook: { secret_file: ${key} } }
store_file: ${put('store', 'postgres://me:hunter2@db/intermodal\n')}
redis_file: ${put('redis', 'redis://:hunter2@cache:6379')}
batch: { webhooks: { secret_file: ${put('webhook', 'whsec_MDEyMzQ1Njc4OWFiY2RlZg==\n')} } }`,
    );
    assert.deepEqual(config.providers['one'], {
      type: 'house',
      api_key: 'sk-of-a-file',
      hook: { secret: 'sk-of-a-file' },
    });
    assert.equal(config.store, 'postgres://me:hunter2@db/intermodal');
    assert.equal(config.redis, 'redis://:hunter2@cache:6379');
    assert.equal(config.batch.webhooks.secret, 'whsec_MDEyMzQ1Njc4OWFiY2RlZg==');
  });

  test('may take its path, and the provider its type, from variables', () => {
    const yaml =
      'providers: { one: { type: "${KIND}", api_key_file: "${PLACE}/key" }, two: { type: house, api_key_file: "${NONE:-' +
      folder +
      '}/key" } }';
    const { config } = valid(yaml, { env: { KIND: 'house', PLACE: folder } });
    assert.equal(config.providers['one']?.['api_key'], 'sk-of-a-file');
    assert.equal(config.providers['two']?.['api_key'], 'sk-of-a-file');
  });

  test('stands for a key that is needed', () => {
    valid(`providers: { s: { type: strict, token_file: ${key} } }`);
    assert.deepEqual(refused('providers: { s: { type: strict } }'), [
      'gateway.yaml:1:17 providers.s: "token" is missing. It must be a text.',
    ]);
  });

  test('of a provider’s own meaning is left to it', () => {
    const { config } = valid('providers: { s: { type: strict, token: t, note_file: mine } }');
    assert.equal(config.providers['s']?.['note_file'], 'mine');
  });

  test('is read anew by a reload, and the provider with it', () => {
    const path = put('turning', 'first');
    const first = valid(one(`api_key_file: ${path}`));
    const same = valid(one(`api_key_file: ${path}`), { previous: first.providers });
    assert.equal(same.providers.get('one')?.provider, first.providers.get('one')?.provider);
    put('turning', 'second');
    const second = valid(one(`api_key_file: ${path}`), { previous: first.providers });
    assert.notEqual(second.providers.get('one')?.provider, first.providers.get('one')?.provider);
    assert.equal(keys.at(-1), 'second');
  });

  test('beside the key itself is one too many', () => {
    assert.deepEqual(refused(one(`api_key: sk-1, api_key_file: ${key}`)), [
      'gateway.yaml:1:49 providers.one.api_key_file: both "api_key" and "api_key_file" are given. Keep one of them.',
    ]);
  });

  test('that names no file that can be read says why, where it stands, and nothing else', () => {
    mkdirSync(join(folder, 'directory'));
    for (const [path, why] of [
      [join(folder, 'none'), 'is not there'],
      [join(folder, 'directory'), 'is not a file'],
      [put('empty', '\n'), 'is empty'],
      [put('large', 'x'.repeat(65 * 1024)), 'is larger than 64 kB'],
    ] as const)
      assert.deepEqual(refused(one(`hook: { secret_file: ${path} }`)), [
        `gateway.yaml:1:55 providers.one.hook.secret_file: the file ${path} ${why}. Put the value into a file there that this user may read, or give a default: \${file:${path}:-default}.`,
      ]);
  });

  test('that is no path is not shown, since it may be the secret', () => {
    const fix =
      'Write the whole path of a file, such as /run/secrets/api_key; the value itself stands under api_key.';
    for (const [written, message] of [
      ['sk-live-4711', 'this is not an absolute path (not shown)'],
      ['secrets/key', 'this is not an absolute path (not shown)'],
      ['4711', 'this is not the path of a file'],
      ['[4711]', 'this is not the path of a file'],
      ['""', 'nothing stands here'],
      ['null', 'nothing stands here'],
    ] as const)
      assert.deepEqual(refused(one(`api_key_file: ${written}`)), [
        `gateway.yaml:1:48 providers.one.api_key_file: ${message}. ${fix}`,
      ]);
    const [mistaken] = refused(one('api_key_file: "${TOKEN}"'), { env: { TOKEN: 'sk-live-4711' } });
    assert.match(
      mistaken ?? '',
      /^gateway\.yaml:1:48 providers\.one\.api_key_file: the file \$\{TOKEN\} is not an absolute path\./,
    );
  });

  test('whose text is not what the key takes is told of by its path', () => {
    const path = put('http', 'http://:hunter2@cache');
    assert.deepEqual(refused(`${one('region: north')}\nredis_file: /${path}`), [
      `gateway.yaml:2:13 redis_file: ${JSON.stringify(`\${file:/${path}}`).slice(0, 60)} is not the address of a Redis. Write redis://HOST:6379, redis+sentinel://HOST:26379/MASTER or redis+cluster://HOST:6379; rediss for TLS.`,
    ]);
  });

  test('is known where a key is misspelt, and only of keys that may stand in files', () => {
    assert.deepEqual(refused(one(`api_key_fil: ${key}, region_file: ${key}`)), [
      'gateway.yaml:1:34 providers.one.api_key_fil: unknown key "api_key_fil". Did you mean "api_key_file"?',
      `gateway.yaml:1:${49 + key.length} providers.one.region_file: unknown key "region_file". Allowed: api_key, region, hook, type, api_key_file.`,
    ]);
  });
});

describe('NAME_FILE in the environment', () => {
  test('gives a provider its usual variable, read anew by a reload', () => {
    const env = { HOUSE_KEY_FILE: put('usual', 'sk-usual\n') };
    const first = valid(one('region: north'), { env });
    assert.equal(keys.at(-1), 'sk-usual');
    const same = valid(one('region: north'), { env, previous: first.providers });
    assert.equal(same.providers.get('one')?.provider, first.providers.get('one')?.provider);
    put('usual', 'sk-other\n');
    const second = valid(one('region: north'), { env, previous: first.providers });
    assert.notEqual(second.providers.get('one')?.provider, first.providers.get('one')?.provider);
    assert.equal(keys.at(-1), 'sk-other');
  });

  test('that cannot be read is told at the provider that asks for it', () => {
    const env = { HOUSE_KEY_FILE: join(folder, 'none') };
    assert.deepEqual(refused(one('region: north'), { env }), [
      'gateway.yaml:1:19 providers.one: this provider cannot be made from its settings: HOUSE_KEY is not set, and the file that HOUSE_KEY_FILE names is not there. Look at its addresses and credentials, also at those from the environment.',
    ]);
    valid(one('api_key: k'), { env });
  });
});

describe('editors', () => {
  const schema = configJsonSchema(registry);
  const validate = new Ajv2020({ allowUnionTypes: true }).compile(asObject(editorSchema(schema)));
  const accepts = (providers: object): boolean => validate({ providers, routes: {} });

  test('are offered KEY_file beside each key that may stand in a file, and no other', () => {
    assert.ok(accepts({ one: { type: 'house', api_key_file: '/k', hook: { secret_file: '${DIR}/k' } } }));
    assert.ok(!accepts({ one: { type: 'house', region_file: '/k' } }));
    assert.ok(!accepts({ one: { type: 'house', api_key_file: 7 } }));
    assert.ok(!JSON.stringify(schema).includes('orFile'));
  });

  test('want one of the two where the key is needed', () => {
    assert.ok(accepts({ s: { type: 'strict', token: 't' } }));
    assert.ok(accepts({ s: { type: 'strict', token_file: '/k' } }));
    assert.ok(!accepts({ s: { type: 'strict' } }));
    assert.ok(!accepts({ s: { type: 'strict', token: 't', note_file: '/k' } }));
  });
});
