/** `intermodal train` and `intermodal eval`, run as a user runs them: on a store with labels, on files of outcomes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createPacker } from '../router/complexity/features.ts';
import { openStores } from '../stores/open.ts';
import type { Label } from '../stores/routing/contract.ts';
import { seededRandom } from './eval/seeded.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'intermodal-train-'));
after(() => rmSync(folder, { recursive: true }));
const store = join(folder, 'store.db');
const config = join(folder, 'config.yaml');
const route = (name: string): string =>
  `  ${name}: { complexity: { scorer: trained }, chain: [openai/gpt-4.1-nano], cascade: { escalate: openai/gpt-4.1 } }\n`;
writeFileSync(
  config,
  `store: ${store}\nproviders: { openai: { type: openai, api_key: none } }\nroutes:\n${['teachable', 'chance', 'few', 'agreed'].map(route).join('')}`,
);

const pack = createPacker();
const random = seededRandom(11);
const things = ['harbour', 'ticket', 'garden', 'window', 'bridge', 'letter', 'engine', 'market'];
const pick = (): string => things[Math.floor(random() * things.length)] ?? '';
const hardText = (): string =>
  `Rewrite the clause on the ${pick()} so that the ${pick()} of the tenant survives`;
const easyText = (): string =>
  `Translate the note on the ${pick()} so that the ${pick()} of the driver arrives`;

/** `told`: whether the text says anything of what came of it. */
function label(name: string, at: number, told: boolean): Label {
  const hard = random() < 0.4;
  const says = told ? hard : random() < 0.5;
  const text = says ? hardText() : easyText();
  const features = pack({ text, inputTokens: 20 });
  return {
    id: `${name}-${at}`,
    route: name,
    atMs: at,
    kind: at % 2 === 0 ? 'audit' : 'escalation',
    cheap: 'openai/gpt-4.1-nano',
    strong: 'openai/gpt-4.1',
    agreed: !(hard && random() < 0.7),
    cheapNanoUsd: 1_000,
    strongNanoUsd: 20_000,
    confidence: 0.5,
    ...(features === undefined ? {} : { features }),
  };
}
const many = (name: string, count: number, told: boolean): Label[] =>
  Array.from({ length: count }, (_, at) => label(name, at, told));
const stores = await openStores(store);
await stores.labels.add([
  ...many('teachable', 400, true),
  ...many('chance', 400, false),
  ...many('few', 299, true),
  ...many('agreed', 320, true).map((one) => ({ ...one, agreed: true })),
]);
await stores.close();

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/main.ts', ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
const train = (name: string, ...more: string[]) => run('train', '--route', name, '--config', config, ...more);

describe('intermodal train', () => {
  test('switches on what beats the heuristic, and counts versions up', () => {
    const { status, stdout, stderr } = train('teachable');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /learnt from 280 labels, judged on 120 others/);
    assert.match(stdout, /Version 1 is on: trained:teachable@1/);
    const { version, on, figures, scorer } = JSON.parse(train('teachable', '--json').stdout);
    assert.deepEqual([version, on, scorer], [2, true, 'trained']);
    assert.ok(figures.learned > figures.heuristic + 0.1 && figures.low > 0, JSON.stringify(figures));
  });

  test('leaves the heuristic where nothing can be learnt', () => {
    const { status, stdout } = train('chance');
    assert.equal(status, 0);
    assert.match(stdout, /not switched on: it does not beat the heuristic/);
    assert.match(stdout, /The heuristic stays/);
  });

  test('keeps an earlier version that is on, and switches it off when told to', async () => {
    const open = await openStores(store);
    const note = await open.notes.read('scorer/teachable');
    await open.notes.write(
      'scorer/chance',
      note?.value,
      (await open.notes.read('scorer/chance'))?.version ?? 0,
      1,
    );
    await open.close();
    assert.match(train('chance').stdout, /Version 2, trained before, stays on; --off switches it off/);
    assert.equal(JSON.parse(train('chance', '--off', '--json').stdout).on, false);
    const again = await openStores(store);
    assert.equal(await again.notes.read('scorer/chance'), undefined);
    await again.close();
  });

  test('says what is missing, and ends with 1', () => {
    const told = (name: string, ...more: string[]): string => {
      const { status, stderr } = train(name, ...more);
      assert.equal(status, 1, stderr);
      return stderr;
    };
    assert.match(told('few'), /has 299 labels, and 300 are the least.*raise its audit share/s);
    assert.match(told('agreed'), /nothing to learn/);
    assert.match(told('teachible'), /Did you mean teachable\?/);
    assert.match(told('few', '--store', join(folder, 'none.db')), /There is no store/);
  });
});

describe('intermodal eval', () => {
  const rows = Array.from({ length: 240 }, (_, at) => {
    const hard = random() < 0.4;
    return JSON.stringify({
      id: at,
      dom: hard ? 'law' : 'mail',
      prompt: hard ? hardText() : easyText(),
      ok: { small: hard && random() < 0.8 ? 0 : 1, large: 1 },
      pred: { small: hard ? 'a' : 'b', other: 'B ' },
    });
  });
  const file = join(folder, 'rows.jsonl');
  writeFileSync(file, rows.join('\n'));
  writeFileSync(`${file}.gz`, gzipSync(rows.join('\n')));

  test('prints all routers side by side, the weak model found by itself', () => {
    const { status, stdout, stderr } = run('eval', file);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /240 prompts, small → large/);
    for (const name of [
      'always cheap',
      'always strong',
      'random',
      'length',
      'heuristic',
      'task prior',
      'learned',
      'oracle',
    ])
      assert.match(stdout, new RegExp(`^${name} `, 'm'));
    assert.match(stdout, /The learned router beats the default on what it has not seen/);
  });

  test('is the same for the same seed, from a packed file too, but for the time it took', () => {
    const figures = (...args: string[]) => {
      const { rows: all } = JSON.parse(run('eval', ...args, '--json').stdout);
      return all.map(({ decisionUs: _us, ...row }: { decisionUs?: number }) => row);
    };
    assert.deepEqual(figures(file, '--labels', '120'), figures(`${file}.gz`, '--labels', '120'));
  });

  test('adds a cascade where a second model’s answers are there', () => {
    const { rows: all } = JSON.parse(run('eval', file, '--second', 'other', '--json').stdout);
    const cascade = all.find(({ router }: { router: string }) => router === 'cascade');
    assert.ok(cascade.apgr > 0.75, JSON.stringify(cascade));
  });

  test('of a route goes by its labels, and names cost as it was paid', () => {
    const { status, stdout, stderr } = run('eval', '--route', 'teachable', '--store', store, '--json');
    assert.equal(status, 0, stderr);
    const { rows: all, win } = JSON.parse(stdout);
    assert.equal(win.use, true);
    assert.equal(all[0].cost, 0.05);
  });

  test('says not to use what does not carry over', () => {
    const other = join(folder, 'other.jsonl');
    const codes = Array.from({ length: 120 }, (_, at) =>
      JSON.stringify({
        id: at,
        prompt: `f(${at}) = {\n  x;\n}\n`.repeat(1 + (at % 9)),
        ok: { small: random() < 0.5, large: 1 },
      }),
    );
    writeFileSync(other, codes.join('\n'));
    const { stdout } = run('eval', '--train', file, '--test', other);
    assert.match(stdout, /Do not use the learned router here/);
  });

  test('says so where the strong model is no better', () => {
    const even = join(folder, 'even.jsonl');
    writeFileSync(even, rows.map((row) => row.replaceAll('"small":0', '"small":1')).join('\n'));
    const { stdout, status } = run('eval', even, '--weak', 'small', '--strong', 'large');
    assert.equal(status, 0);
    assert.match(stdout, /The strong model is no better here: send everything to the cheap one/);
  });

  test('says which line is wrong, and what is missing, and ends with 1', () => {
    const bad = join(folder, 'bad.jsonl');
    writeFileSync(bad, `${rows[0]}\n{"id": 1}\n`);
    const told = (...args: string[]): string => {
      const { status, stderr } = run('eval', ...args);
      assert.equal(status, 1, stderr);
      return stderr;
    };
    assert.match(told(bad), /bad\.jsonl, line 2: prompt/);
    assert.match(told(file, '--weak', 'tiny'), /has no outcome of tiny. It has: small, large/);
    assert.match(told('--train', file), /--train and --test go together/);
    assert.match(told(), /Name a file/);
    assert.match(told('--route', 'nobody', '--store', store), /has 0 labels/);
    assert.match(told(file, '--labels', '240'), /none would be left/);
    assert.match(told(join(folder, 'gone.jsonl')), /gone\.jsonl/);
  });
});
