/** The served process as an operator handles it: a config swapped and refused while it runs, and a drain on SIGTERM. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Simulator, startSimulator } from '../src/simulator/server.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const yaml = (simulatorPort: number, route: string, linger = '0s'): string => `
server: { port: 0, linger: ${linger}, drain: 10s }
providers:
  openai: { type: openai, api_key: secret-key-of-a-test, base_url: "http://127.0.0.1:${simulatorPort}/v1" }
routes:
  ${route}: { chain: [openai/gpt-4.1-mini] }
`;

describe('a served gateway', () => {
  let folder: string;
  let file: string;
  let simulator: Simulator;
  let child: ChildProcess;
  let url: string;
  let printed = '';

  async function start(linger: string): Promise<void> {
    writeFileSync(file, yaml(simulator.port, 'first', linger));
    printed = '';
    child = spawn(process.execPath, ['src/main.ts', 'serve', '--config', file, '--json'], { cwd: root });
    child.stderr?.on('data', (chunk) => {
      printed += String(chunk);
    });
    url = await new Promise<string>((resolve, reject) => {
      child.stdout?.on('data', (chunk) => {
        printed += String(chunk);
        const line = /\{"url":"([^"]+)"/.exec(printed);
        if (line?.[1] !== undefined) resolve(line[1]);
      });
      child.once('exit', () => reject(new Error(`serve ended: ${printed}`)));
    });
  }

  /** By one that lingers. */
  async function replace(linger: string): Promise<void> {
    child.kill('SIGKILL');
    await start(linger);
  }

  beforeEach(async () => {
    simulator = await startSimulator();
    folder = mkdtempSync(join(tmpdir(), 'intermodal-'));
    file = join(folder, 'gateway.yaml');
    await start('0s');
  });
  afterEach(async () => {
    child.kill('SIGKILL');
    await simulator.close();
    rmSync(folder, { recursive: true });
  });

  const ask = (model: string, content = 'Hello', stream = false): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model, stream, messages: [{ role: 'user', content }] }),
    });

  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(`it did not come to pass: ${printed}`);
  }

  async function health(): Promise<{ status: string; config: { version: number; refused: string[] } }> {
    return JSON.parse(await (await fetch(`${url}/health`)).text());
  }

  test('swaps a valid config, keeps the old one before a broken one, and says why', async () => {
    assert.equal((await ask('first')).status, 200);
    writeFileSync(file, yaml(simulator.port, 'second'));
    await until(async () => (await ask('second')).status === 200);
    assert.equal((await ask('first')).status, 404);

    writeFileSync(file, readFileSync(file, 'utf8').replace('chain:', 'chian:'));
    await until(async () => (await health()).config.refused.length > 0);
    const report = await health();
    assert.equal(report.status, 'degraded');
    assert.match(report.config.refused.join(), /Did you mean "chain"\?/);
    assert.equal((await ask('second')).status, 200, 'the running config was lost');

    writeFileSync(file, yaml(simulator.port, 'third'));
    child.kill('SIGHUP');
    await until(async () => (await ask('third')).status === 200);
    assert.deepEqual((await health()).config.refused, []);
  });

  test('takes up the key of a provider that has changed in its file, when it is told to', async () => {
    const seen: (string | undefined)[] = [];
    const provider = createServer((incoming, outgoing) => {
      seen.push(incoming.headers.authorization);
      outgoing.writeHead(400).end();
    });
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
    const address = provider.address();
    assert.ok(typeof address === 'object' && address !== null);
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'first-key\n');
    writeFileSync(file, yaml(address.port, 'keyed').replace('secret-key-of-a-test', `"\${file:${secret}}"`));
    await until(async () => (await ask('keyed')).status !== 404);
    writeFileSync(secret, 'second-key\n');
    await ask('keyed');
    assert.equal(seen.at(-1), 'Bearer first-key', 'the file alone changes nothing');
    child.kill('SIGHUP');
    await until(async () => {
      await ask('keyed');
      return seen.at(-1) === 'Bearer second-key';
    });
    provider.closeAllConnections();
    provider.close();
  });

  test('finishes what it has begun on SIGTERM, takes nothing new, and exits clean', async () => {
    const streaming = await ask('first', '[[tokens:40]] [[chunk-delay:20ms]]', true);
    const text = streaming.text();
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await until(
      async () =>
        (await ask('first').then(
          () => 'taken',
          () => 'refused',
        )) === 'refused',
    );
    assert.ok((await text).endsWith('data: [DONE]\n\n'), 'the stream was cut');
    assert.equal(await exited, 0);
  });

  test('lingers: a load balancer that asks whether it is ready loses nothing', async () => {
    await replace('1s');
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    // As it does it, a little more often: asks every 100 ms, and sends requests in between while the last answer was yes.
    const ready = (): Promise<number> => fetch(`${url}/readyz`).then((answer) => answer.status);
    assert.equal(await ready(), 200);
    child.kill('SIGTERM');
    const seen: number[] = [];
    let last = 200;
    for (let round = 0; round < 10 && last === 200; round++) {
      for (const untilMs = performance.now() + 100; performance.now() < untilMs; ) {
        const answer = await ask('first');
        await answer.text();
        seen.push(answer.status);
      }
      last = await ready();
    }
    assert.equal(last, 503);
    // It has said no, and whoever has not heard it yet is served all the same, and asked to connect to another.
    assert.equal((await ask('first')).headers.get('connection'), 'close');
    assert.ok(seen.length > 0 && seen.every((status) => status === 200), seen.join());
    assert.equal(await exited, 0);
  });

  test('shows a provider’s key nowhere', async () => {
    simulator.setFaults({ faults: [{ kind: 'auth' }] });
    const refused = await (await ask('first')).text();
    const report = JSON.stringify(await health());
    await until(async () => printed.includes('refuses our credentials'));
    for (const text of [refused, report, printed]) assert.ok(!text.includes('secret-key-of-a-test'));
  });
});
