/** `intermodal explain`, by a config alone and by what a running gateway knows. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { explainByConfig } from '../src/cli/explain.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const yaml = `
providers:
  a: { type: openai, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~a/v1" }
  b: { type: anthropic, api_key: x, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~b" }
limits:
  a/gpt-4.1-mini: { rpm: 2 }
budgets:
  - { scope: all, daily: $5 }
routes:
  chat:
    rules:
      - when: { deadline: "< 1m" }
        chain: [b/claude-haiku-4-5, a/gpt-4.1-mini]
    chain: [a/gpt-4.1-mini, b/claude-haiku-4-5, a/gpt-4.1-nano@batch]
    cache: { for: 1h }
`;
const request = { model: 'chat', messages: [{ role: 'user', content: 'Hello' }], max_tokens: 300 };

describe('explain', () => {
  let gateway: TestGateway;
  let admin: string;
  let app: string;
  let folder: string;
  before(async () => {
    const stores = await openStores(':memory:');
    admin = await addKey(stores, 'boss', { admin: true });
    app = await addKey(stores, 'search', { limits: { requestsPerMinute: 40 } });
    gateway = await startTestGateway({ yaml, stores });
    folder = mkdtempSync(join(tmpdir(), 'intermodal-explain-'));
    writeFileSync(join(folder, 'gateway.yaml'), yaml.replaceAll('${SIMULATOR_PORT}', '1'));
    writeFileSync(join(folder, 'request.json'), JSON.stringify(request));
  });
  after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });

  const run = (...args: readonly string[]) =>
    new Promise<{ code: number | null; out: string; err: string }>((resolve, reject) => {
      const command = ['src/main.ts', 'explain', join(folder, 'request.json'), ...args];
      const child = spawn(process.execPath, command, { cwd: root });
      let [out, err] = ['', ''];
      child.stdout.on('data', (chunk) => {
        out += String(chunk);
      });
      child.stderr.on('data', (chunk) => {
        err += String(chunk);
      });
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, out, err }));
    });
  const byConfig = (...args: readonly string[]) => run('--config', join(folder, 'gateway.yaml'), ...args);
  const live = (...args: readonly string[]) => run('--live', gateway.url, '--key', admin, ...args);

  test('by a config: rule, features, costs, limits and budgets, and what is not known', async () => {
    const { code, out } = await byConfig('-H', 'x-intermodal-deadline: 45s', '-H', 'x-intermodal-tags: live');
    assert.equal(code, 0);
    for (const line of [
      /^route +chat$/m,
      /^rule +1: \{ deadline: < 1m \}$/m,
      /^request +chat, about \d+ input tokens, at most 300 out, tags live, to be answered in 45 s$/m,
      /^cache +the very same request again within 1h, for the same key$/m,
      /^known +the config alone/m,
      /^b\/claude-haiku-4-5 +first +as listed +translated +\$0\.00\d+ +\$0\.00\d+$/m,
      /^a\/gpt-4\.1-mini +fallback +as listed +passes through/m,
      /^limit a\/gpt-4\.1-mini rpm: needs 1 of 2$/m,
      /^budget all\/day\/\S+: \$5\.00$/m,
    ])
      assert.match(out, line);
  });

  test('by a config: what is passed over is told why', async () => {
    const { out } = await byConfig();
    assert.match(out, /^rule +none holds/m);
    assert.match(out, /^mode +called at once: without "prefer: respond-async"/m);
    assert.match(
      out,
      /^a\/gpt-4\.1-nano@batch +passed over +its mode takes longer than this request waits +- /m,
    );
  });

  test('the mode by the deadline: at once, through the queue, or into a batch', () => {
    const rows: readonly [string, string, RegExp][] = [
      ['10s', 'sync', /^called at once: there is too little time/],
      ['45m', 'queue', /^through the queue: there is too little time for a batch$/],
      ['20h', 'batch', /^gathered into a batch: it has the time, and costs less so$/],
    ];
    for (const [deadline, way, text] of rows) {
      const told = explainByConfig(Buffer.from(JSON.stringify(request)), {
        config: join(folder, 'gateway.yaml'),
        dialect: 'openai-chat',
        header: ['prefer: respond-async', `x-intermodal-deadline: ${deadline}`],
        draw: 0,
      });
      assert.equal(told.way.way, way);
      assert.match(told.way.text, text);
      const batch = told.targets.find(({ target }) => target.endsWith('@batch'));
      if (deadline !== '10s') assert.equal(batch?.verdict, way === 'batch' ? 'fallback' : 'passed over');
    }
  });

  test('by a running gateway: health, levels and sums of now', async () => {
    gateway.simulator.setFaults({
      faults: [{ provider: 'a', kind: 'rate-limit', retry_after_s: 59, times: 1 }],
    });
    const ask = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    assert.equal(ask.status, 200);
    await ask.text();
    const { code, out } = await live('--as', 'search');
    assert.equal(code, 0);
    assert.match(out, /^known +health, room and sums, as of now$/m);
    assert.match(out, /^a\/gpt-4\.1-mini +passed over +it asked for time, for \d+(?:\.\d)? s more/m);
    assert.match(out, /^limit a\/gpt-4\.1-mini rpm: needs 1 of 2, [0-2] free/m);
    assert.match(out, /^limit key:\S+ rpm: needs 1 of 40, (?:39|40) free$/m);
    assert.match(out, /^budget all\/day\/\S+: \$5\.00, \$0\.00\d* used, \$0\.00 set aside$/m);
  });

  test('--json is what the gateway answers', async () => {
    const { out } = await live('--json');
    const { live: known, targets } = JSON.parse(out);
    assert.equal(known, true);
    assert.equal(targets.length, 3);
    assert.equal(JSON.parse((await byConfig('--json')).out).live, false);
  });

  test('what is wrong is told with what to do', async () => {
    const rows: readonly [readonly string[], RegExp][] = [
      [['--live', 'http://127.0.0.1:9'], /No gateway answers at http:\/\/127\.0\.0\.1:9/],
      [['--live', gateway.url, '--key', app], /answers 403: .*admin key/],
      [['-H', 'x-intermodal-deadline: soon'], /write a duration/],
    ];
    const ran = rows.map(async ([args, message]) => {
      const { code, err } = await (args.includes('--live') ? run(...args) : byConfig(...args));
      assert.equal(code, 1, args.join(' '));
      assert.match(err, message);
    });
    await Promise.all(ran);
  });

  test('the endpoint wants an admin key and a readable question', async () => {
    const ask = async (key: string, body: string): Promise<number> =>
      (
        await fetch(`${gateway.url}/admin/explain`, {
          method: 'POST',
          headers: { authorization: `Bearer ${key}` },
          body,
        })
      ).status;
    assert.equal(await ask(app, '{}'), 403);
    for (const body of [
      '',
      '{',
      '[]',
      '{}',
      '{"body":{"model":"chat"},"draw":3}',
      '{"body":{"model":"chat","messages":[]},"dialect":"x"}',
    ])
      assert.equal(await ask(admin, body), 400, body);
    assert.equal(
      await ask(admin, '{"body":{"model":"no-such","messages":[{"role":"user","content":"x"}]}}'),
      404,
    );
    assert.equal(await ask(admin, JSON.stringify({ body: request, key: 'nobody' })), 404);
    assert.equal(await ask(admin, JSON.stringify({ body: request })), 200);
  });
});
