/** `serve --workers`: several processes on one port that share their limits, count together, and outlive the death of one. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Simulator, startSimulator } from '../src/simulator/server.ts';
import { redisMissing, startRedis, type TestRedis } from './support/redis.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const longestMs = 60_000;

function serve(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['src/main.ts', 'serve', ...args], { cwd: root });
}

async function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly said: string }> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said += String(chunk);
  });
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, said };
}

describe('several workers', { skip: redisMissing }, () => {
  let redis: TestRedis;
  let simulator: Simulator;
  let folder: string;
  let child: ChildProcess;
  let url: string;
  let said = '';

  before(async () => {
    redis = await startRedis();
    simulator = await startSimulator();
    folder = mkdtempSync(join(tmpdir(), 'intermodal-workers-'));
    const file = join(folder, 'gateway.yaml');
    writeFileSync(
      file,
      `
server: { port: 0, drain: 10s }
redis: ${redis.url}
store: ${join(folder, 'store.db')}
batch: { blobs: ${join(folder, 'blobs')} }
providers:
  openai: { type: openai, api_key: sk-test, base_url: "http://127.0.0.1:${simulator.port}/v1" }
limits:
  openai/gpt-4.1-nano: { rpm: 30 }
routes:
  free: { chain: [openai/gpt-4.1-mini] }
  scarce: { chain: [openai/gpt-4.1-nano], budget: 1s }
`,
    );
    child = serve(['--config', file, '--workers', '2', '--json']);
    child.stderr?.on('data', (chunk) => {
      said += String(chunk);
    });
    url = await new Promise<string>((resolve, reject) => {
      child.stdout?.on('data', (chunk) => {
        said += String(chunk);
        const line = /\{"url":"([^"]+)"/.exec(said);
        if (line?.[1] !== undefined) resolve(line[1]);
      });
      child.once('exit', () => reject(new Error(`serve ended: ${said}`)));
    });
  });
  after(async () => {
    child.kill('SIGKILL');
    await simulator.close();
    await redis.close();
    rmSync(folder, { recursive: true });
  });

  /** Each on a connection of its own, so that both workers get some. */
  const ask = (model: string): Promise<Response> =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { connection: 'close' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
    });

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + longestMs;
    while (!(await holds().catch(() => false))) {
      assert.ok(Date.now() < end, `${what} did not come: ${said}`);
      await sleep(50);
    }
  }

  const served = async (): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
    const rows = [...text.matchAll(/^intermodal_requests_total\{[^}]*route="free"[^}]*\} (\d+)/gm)];
    return rows.reduce((sum, row) => sum + Number(row[1]), 0);
  };

  test('serve as one, count together and keep their limits together', async () => {
    const free = await Promise.all(Array.from({ length: 40 }, () => ask('free')));
    assert.deepEqual([...new Set(free.map(({ status }) => status))], [200]);
    await until('all forty in the counts, whichever worker tells them', async () => (await served()) === 40);
    const scarce = await Promise.all(Array.from({ length: 60 }, () => ask('scarce')));
    const passed = scarce.filter(({ status }) => status === 200).length;
    // Thirty a minute, and what comes back within the second that each waits; two that do not share would let all pass.
    assert.ok(passed >= 20 && passed <= 32, `${passed} passed`);
  });

  test('any of them tells why, whichever of them decided', async () => {
    const read = async (path: string) => {
      const answer = await fetch(`${url}/admin/decisions${path}`, { headers: { connection: 'close' } });
      return { status: answer.status, body: JSON.parse(await answer.text()) };
    };
    const asked = await Promise.all(Array.from({ length: 4 }, () => ask('free')));
    for (const answer of asked) {
      const id = answer.headers.get('x-intermodal-decision') ?? '';
      for (let time = 0; time < 3; time++)
        await until(`decision ${id}`, async () => (await read(`/${id}`)).body.id === id);
    }
    const { body } = await read('?route=free&limit=1000');
    assert.ok(body.decisions.length >= 44, `${body.decisions.length} decisions of both`);
    const times = body.decisions.map(({ at }: { at: string }) => at);
    assert.deepEqual(times, [...times].sort().reverse());
    assert.equal((await read('?route=free&limit=7')).body.decisions.length, 7);
    assert.equal((await read('/req_none')).status, 404);
  });

  test('a worker that dies is replaced, and the others serve meanwhile', async () => {
    const worker = await pidOfWorker();
    process.kill(worker, 'SIGKILL');
    await until('the notice of its end', async () => said.includes(`worker ${worker} ended`));
    assert.equal((await ask('free')).status, 200);
    await until(
      'another worker',
      async () => (await workers()).length === 2 && !(await workers()).includes(worker),
    );
  });

  async function workers(): Promise<readonly number[]> {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((name) => {
        try {
          const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
          return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === child.pid;
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  async function pidOfWorker(): Promise<number> {
    const [first] = await workers();
    assert.ok(first !== undefined);
    return first;
  }

  test('a signal drains them all', async () => {
    const end = ended(child);
    child.kill('SIGTERM');
    assert.equal((await end).code, 0);
    await assert.rejects(ask('free'));
  });
});

describe('several workers without what they would share', () => {
  test('are refused, with what to add', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'intermodal-workers-'));
    const file = join(folder, 'gateway.yaml');
    const yaml =
      'providers: { openai: { type: openai, api_key: k } }\nroutes: { a: { chain: [openai/gpt-4.1] } }\n';
    writeFileSync(file, yaml);
    const alone = await ended(serve(['--config', file, '--workers', '2']));
    assert.equal(alone.code, 1);
    assert.match(alone.said, /Add redis: redis:\/\/localhost:6379/);
    const many = await ended(serve(['--config', file, '--workers', 'lots']));
    assert.equal(many.code, 1);
    assert.match(many.said, /from 1 to 256, or auto/);
    rmSync(folder, { recursive: true });
  });
});
