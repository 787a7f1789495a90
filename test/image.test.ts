/**
 * What the image holds is enough to run: its tree is laid out here as the Dockerfile does it, with the packages alone that it installs, and every
 * file of it is imported. No engine and no network; packages are linked from where they are.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { asObject } from '../src/core/json.ts';
import { read, root } from './support/deploy.ts';

/** So that a package finds those beside it here, and no others. */
const node = ['--preserve-symlinks', '--preserve-symlinks-main'];
const longestMs = 120_000;

/** Globs of what is left out of what is copied; `!` and `*` alone say what is. */
function leftOut(): (file: string) => boolean {
  const patterns = read('Dockerfile.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('**/'))
    .map((line) => line.slice('**/'.length));
  assert.deepEqual(patterns, ['*.test.ts', 'fixtures'], 'this test knows no others');
  return (file) => file.endsWith('.test.ts') || file.split('/').includes('fixtures');
}

/** As `npm ci --omit=dev --omit=optional`: packages of the first level; what lies below one comes with it. */
function installed(): readonly string[] {
  const lock: unknown = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(asObject(asObject(lock)['packages'])).flatMap(([path, about]) => {
    const { dev, optional, devOptional } = asObject(about);
    const name = path.split('node_modules/');
    return name.length === 2 && !dev && !optional && !devOptional ? [name[1] ?? ''] : [];
  });
}

describe('the tree of the image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-image-'));
  const app = join(folder, 'app');
  const data = join(folder, 'data');
  const main = join(app, 'src/main.ts');
  let files: readonly string[];

  before(() => {
    mkdirSync(data);
    const out = leftOut();
    const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    files = copied
      .flatMap((name) => (/\.|LICENSE/.test(name) ? [name] : globSync(`${name}/**/*.*`, { cwd: root })))
      .filter((file) => !out(file));
    for (const file of files) {
      mkdirSync(dirname(join(app, file)), { recursive: true });
      copyFileSync(join(root, file), join(app, file));
    }
    const packages = installed();
    assert.ok(packages.length >= 100, `only ${packages.length} packages`);
    for (const name of packages) {
      const link = join(app, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), link);
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  function run(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(process.execPath, [...node, ...args], {
      cwd: data,
      encoding: 'utf8',
      timeout: longestMs,
    });
    assert.equal(status, 0, stderr);
    return stdout;
  }

  test('every file of it finds all that it imports', () => {
    const sources = files.filter((file) => file.endsWith('.ts') && file !== 'src/main.ts');
    assert.ok(sources.length >= 500, `only ${sources.length} files`);
    assert.ok(!sources.some((file) => file.endsWith('.test.ts')));
    // What a file imports only when it needs it too.
    const later = sources.flatMap((file) =>
      [...readFileSync(join(app, file), 'utf8').matchAll(/\bimport\('([^'.][^']*)'\)/g)].map(
        (match) => match[1] ?? '',
      ),
    );
    const all = join(app, 'all.ts');
    const names = JSON.stringify([...sources.map((file) => `./${file}`), ...new Set(later)]);
    writeFileSync(
      all,
      `for (const name of ${names}) await import(name);\nconsole.log('all');\nprocess.exit();\n`,
    );
    try {
      assert.match(run(all), /^all$/m);
    } finally {
      rmSync(all);
    }
  });

  test('its command says what it can do, and checks a config', () => {
    assert.match(run(main, '--help'), /Serve the gateway/);
    assert.match(run(main, 'check', join(app, 'config/demo.yaml')), /is valid/);
  });

  test('it serves without writing beside itself, and ends with 0 when it is told to', async () => {
    const seen = (): readonly string[] => globSync(['*', 'src/**/*', 'config/*'], { cwd: app }).sort();
    const before = seen();
    const config = join(data, 'gateway.yaml');
    writeFileSync(
      config,
      'server: { port: 0 }\nproviders: { openai: { type: openai, api_key: k } }\nroutes: { r: { chain: [openai/gpt-4.1] } }\n',
    );
    const child = spawn(process.execPath, [...node, main, 'serve', '--config', config, '--json'], {
      cwd: data,
    });
    let printed = '';
    const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const url = await new Promise<string>((resolve, reject) => {
      const hear = (chunk: unknown): void => {
        printed += String(chunk);
        const found = /\{"url":"([^"]+)"/.exec(printed)?.[1];
        if (found !== undefined) resolve(found);
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      void gone.then((code) => reject(new Error(`serve ended with ${code}: ${printed}`)));
    });
    const answer = await fetch(`${url}/readyz`);
    await answer.text();
    child.kill('SIGTERM');
    assert.equal(await gone, 0, printed);
    assert.equal(answer.status, 200);
    assert.deepEqual(seen(), before);
    assert.ok(globSync('intermodal.db*', { cwd: data }).length > 0, 'the store is where it was started');
  });
});
