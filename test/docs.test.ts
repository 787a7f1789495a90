/**
 * Every command that the docs tell a user to run is run, in the order of its page, against a demo of the page's own: ports, store and
 * all. Pages run side by side. `NAME=$(…)` is kept for the commands after it; `# 402` at the end of a line is what it must print.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './support/redis.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const pages = ['README.md', ...globSync(['docs/*.md', 'docs/reference/*.md'], { cwd: root })].sort();

/** Started by this test itself, or run by the checks: not once more here. */
const elsewhere =
  /^(?:INTERMODAL_STORE=\S+ )?npm (?:start|ci|run gen|run check|run --silent intermodal -- simulate)/;
/** A gateway hears of new keys a quarter of a second later; a person takes longer to type. */
const untilHeardMs = 400;

function commandsOf(page: string): readonly string[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/```sh\n(.*?)```/gs)]
    .flatMap((match) => (match[1] ?? '').split('\n'))
    .filter((line) => line !== '' && !elsewhere.test(line));
}

class Demo {
  readonly #folder = mkdtempSync(join(tmpdir(), 'intermodal-docs-'));
  readonly #env: Record<string, string | undefined> = {
    ...process.env,
    INTERMODAL_STORE: join(this.#folder, 'intermodal.db'),
    INTERMODAL_BLOBS: join(this.#folder, 'blobs'),
  };
  #service: ChildProcess | undefined;
  #port = 0;
  #simulatorPort = 0;

  async start(): Promise<void> {
    this.#port = await freePort();
    this.#simulatorPort = await freePort();
    this.#env['SIMULATOR_PORT'] = String(this.#simulatorPort);
    const args = ['src/main.ts', 'serve', '--config', 'config/demo.yaml', '--simulate'];
    const service = spawn(process.execPath, [...args, '--port', String(this.#port)], {
      cwd: root,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#service = service;
    await new Promise<void>((resolve, reject) => {
      let printed = '';
      service.stdout.on('data', (chunk) => {
        printed += String(chunk);
        if (printed.includes('Try it:')) resolve();
      });
      service.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${printed}`)));
    });
  }

  async run(command: string): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const here = command.replaceAll(':4000', `:${this.#port}`).replaceAll(':4010', `:${this.#simulatorPort}`);
    const name = /^([A-Z_]+)=\$\(/.exec(command)?.[1];
    const ran = await shell(name === undefined ? here : `${here} && printf '%s' "$${name}"`, this.#env);
    if (name !== undefined) this.#env[name] = ran.stdout;
    if (/intermodal -- keys (?:create|revoke)/.test(command)) await sleep(untilHeardMs);
    return ran;
  }

  async stop(): Promise<void> {
    const service = this.#service;
    if (service !== undefined && service.exitCode === null) {
      const gone = new Promise<void>((resolve) => service.once('exit', () => resolve()));
      service.kill('SIGTERM');
      await gone;
    }
    rmSync(this.#folder, { recursive: true });
  }
}

function shell(
  command: string,
  env: Record<string, string | undefined>,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', command], { cwd: root, env, timeout: 30_000 });
    let stdout = '';
    let stderr = '';
    child.stdin.end();
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      stderr += String(chunk);
    });
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
}

describe('the docs', { concurrency: 8 }, () => {
  test('tell commands to run', () => assert.ok(pages.flatMap(commandsOf).length >= 30));

  for (const page of pages.filter((one) => commandsOf(one).length > 0)) {
    describe(page, { concurrency: 1 }, () => {
      const demo = new Demo();
      before(() => demo.start());
      after(() => demo.stop());
      for (const command of commandsOf(page)) {
        test(command.slice(0, 100), async () => {
          const { status, stdout, stderr } = await demo.run(command);
          assert.equal(status, 0, stderr);
          assert.notEqual(stdout, '', 'it printed nothing');
          assert.ok(!/"error"\s*:/.test(stdout), stdout);
          const wanted = /# (\S.*)$/.exec(command)?.[1];
          if (wanted !== undefined) assert.ok(stdout.includes(wanted), `${stdout} is not ${wanted}`);
        });
      }
    });
  }

  test('name no file that is not there', () => {
    const missing = pages.flatMap((page) => {
      const text = readFileSync(join(root, page), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1] ?? '');
      return links
        .filter((link) => globSync(join(dirname(page), link), { cwd: root }).length === 0)
        .map((link) => `${page}: ${link}`);
    });
    assert.deepEqual(missing, []);
  });
});
