import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { batchIn, brokenInputs, requestLine } from '../../../test/support/batch-inputs.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'intermodal-batch-'));

/** A gateway that answers as it is told, and remembers what it was asked. */
interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
let asked: Asked[] = [];
/** By method and path; a list is played one by one, its last for ever. `drop`: the connection ends without an answer. */
let answers: Record<string, unknown[]> = {};
const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, headers, body: Buffer.concat(parts).toString() });
    const list = answers[`${method} ${url}`];
    const answer = list !== undefined && list.length > 1 ? list.shift() : list?.[0];
    if (answer === 'drop') response.destroy();
    else if (typeof answer === 'string') response.end(answer);
    else if (answer === undefined)
      response.writeHead(404).end('{"error":{"message":"There is no such thing."}}');
    else if (answer instanceof Refusal) response.writeHead(answer.status).end(answer.body);
    else response.end(JSON.stringify(answer));
  });
});
class Refusal {
  readonly status: number;
  readonly body: string;
  constructor(status: number, body: string) {
    this.status = status;
    this.body = body;
  }
}
let url = '';
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // It listens on a port.
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const running = batchIn('in_progress', 0, 0);
beforeEach(() => {
  asked = [];
  answers = {
    'POST /v1/files': [{ id: 'file-1' }],
    'POST /v1/batches': [running],
    'GET /v1/batches/batch_1': [running],
  };
});

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** The command without the rest of the program, which takes seconds to load; the last test runs all of it. */
const program = `
  import { batch } from './src/cli/batch/batch.ts';
  import { ConfigError } from './src/cli/config-error.ts';
  try { await batch.parseAsync(process.argv.slice(1), { from: 'user' }); }
  catch (thrown) {
    if (!(thrown instanceof ConfigError) && !('syscall' in thrown)) throw thrown;
    console.error(thrown.message);
    process.exitCode = 1;
  }`;

function run(...options: string[]) {
  const address = options.includes('--url') ? [] : ['--url', url];
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', program, '--', ...options, ...address],
    {
      cwd: root,
      env: { ...process.env, INTERMODAL_KEY: 'ik-1' },
    },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString();
  });
  const written = new Set<() => void>();
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString();
    for (const look of written) look();
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  const says = (text: string): Promise<void> =>
    new Promise((resolve) => {
      written.add(() => {
        if (stderr.includes(text)) resolve();
      });
    });
  return Object.assign(ended, { child, says });
}

/** The lines of the file that was uploaded. */
function uploaded(): readonly unknown[] {
  const upload = asked.find((one) => one.url === '/v1/files');
  assert.match(upload?.body ?? '', /name="purpose"\r\n\r\nbatch\r\n/);
  const content = /application\/jsonl\r\n\r\n([\s\S]*?)\r\n--/.exec(upload?.body ?? '')?.[1] ?? '';
  return content
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('intermodal batch submit', () => {
  test('sends requests byte for byte, and prints the id of the batch', async () => {
    const lines = `${requestLine('a')}\r\n\n${requestLine('b')}`;
    const { code, stdout, stderr } = await run(
      'submit',
      file('items.jsonl', lines),
      '--tag',
      'nightly,x',
      '--window',
      '12h',
    );
    assert.equal(
      stderr.split('\n')[1],
      '2 items are accepted. It goes on by itself. Follow it: intermodal batch status batch_1 --wait',
    );
    assert.equal(stdout, 'batch_1\n');
    assert.equal(code, 0);
    assert.ok(asked[0]?.body.includes(`\r\n\r\n${requestLine('a')}\n${requestLine('b')}\n\r\n--`));
    const [upload, create] = asked;
    assert.equal(upload?.headers.authorization, 'Bearer ik-1');
    assert.deepEqual(JSON.parse(create?.body ?? ''), {
      input_file_id: 'file-1',
      endpoint: '/v1/chat/completions',
      completion_window: '12h',
    });
    assert.equal(create?.headers['x-intermodal-tags'], 'nightly,x');
    assert.match(String(create?.headers['idempotency-key']), /^[\w-]{36}$/);
  });

  test('makes requests of CSV and a template: marks, quotes, line ends and all', async () => {
    const csv = file(
      'items.csv',
      '\ufeffid,text,n\r\n1,"He said ""hi"",\r\nand {{left}}",3\r\n02,"ünï\u2028",4\r\n',
    );
    const template = file(
      'template.json',
      '{"temperature":"{{n:json}}","messages":[{"role":"user","content":"Label: {{text}} ({{ id }})"},{"role":"user","content":"{{n}}"}]}',
    );
    const { code, stderr } = await run(
      'submit',
      csv,
      '--template',
      template,
      '--model',
      'classify',
      '--id',
      'id',
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(uploaded(), [
      {
        custom_id: '1',
        method: 'POST',
        url: '/v1/chat/completions',
        body: {
          model: 'classify',
          temperature: 3,
          messages: [
            { role: 'user', content: 'Label: He said "hi",\r\nand {{left}} (1)' },
            { role: 'user', content: '3' },
          ],
        },
      },
      {
        custom_id: '02',
        method: 'POST',
        url: '/v1/chat/completions',
        body: {
          model: 'classify',
          temperature: 4,
          messages: [
            { role: 'user', content: 'Label: ünï\u2028 (02)' },
            { role: 'user', content: '4' },
          ],
        },
      },
    ]);
  });

  test('makes requests of bare JSON rows, whose types stay', async () => {
    const rows = file('bare.jsonl', '{"t":["x","y"],"d":8,"custom_id":"first"}\n{"t":"z","d":null}\n');
    const template = file('embed.json', '{"model":"e","input":"{{t}}","dimensions":"{{d}}","user":"u{{d}}"}');
    const { code, stderr } = await run('submit', rows, '--template', template);
    assert.equal(code, 0, stderr);
    assert.deepEqual(uploaded(), [
      {
        custom_id: 'first',
        method: 'POST',
        url: '/v1/embeddings',
        body: { model: 'e', input: ['x', 'y'], dimensions: 8, user: 'u8' },
      },
      {
        custom_id: 'row-2',
        method: 'POST',
        url: '/v1/embeddings',
        body: { model: 'e', input: 'z', dimensions: null, user: 'u' },
      },
    ]);
  });

  test('tells what is wrong with rows before anything is sent, with their lines', async () => {
    const csv = file('bad.csv', 'id,text\n1,"a\nb"\n2\n3,c,d\n\n5,e\n');
    const template = file('t.json', '{"model":"m","messages":"{{text}}"}');
    const refused = await run('submit', csv, '--template', template);
    assert.equal(refused.code, 1);
    assert.deepEqual(refused.stderr.trimEnd().split('\n'), [
      `${csv}, line 4: it has 1 cells, the header has 2.`,
      `${csv}, line 5: it has 3 cells, the header has 2.`,
      '',
      'Nothing was sent. Mend the lines, or leave them out with --skip-bad.',
    ]);
    assert.equal(asked.length, 0);
    const skipped = await run('submit', csv, '--template', template, '--skip-bad');
    assert.equal(skipped.code, 0);
    assert.match(skipped.stderr, /Left out: 2 of 4 lines/);
    assert.deepEqual(
      uploaded().map((line) => Reflect.get(Object(line), 'custom_id')),
      ['row-2', 'row-7'],
    );
  });

  test('refuses what cannot be sent, in words that say what to do', async () => {
    const templates: Record<string, string> = {
      T: file('T.json', '{"model":"m","messages":"{{text}}"}'),
      J: file('J.json', '{"model":"m","messages":"{{text:json}}"}'),
      B: file('B.json', '{"model":{{text}}}'),
    };
    for (const [name, text, options, message] of brokenInputs) {
      const { code, stdout, stderr } = await run(
        'submit',
        file(name, text),
        ...options.map((one) => templates[one] ?? one),
      );
      assert.match(stderr, message, name);
      assert.ok(!/\n\s+at /.test(stderr), stderr);
      assert.equal(stdout, '');
      assert.equal(code, 1);
    }
    assert.equal(asked.length, 0);
  });

  test('asks again with the same key when an answer is lost', async () => {
    answers['POST /v1/batches'] = ['drop', new Refusal(503, ''), running];
    const { code, stdout } = await run('submit', file('items.jsonl', requestLine('a')));
    assert.equal(code, 0);
    assert.equal(stdout, 'batch_1\n');
    const creates = asked.filter((one) => one.url === '/v1/batches');
    assert.equal(creates.length, 3);
    assert.equal(new Set(creates.map(({ headers }) => headers['idempotency-key'])).size, 1);
  });

  test('hands on what the gateway says, and what may help', async () => {
    const items = file('items.jsonl', requestLine('a'));
    answers['POST /v1/batches'] = [new Refusal(402, '{"error":{"message":"The budget is spent."}}')];
    const spent = await run('submit', items);
    assert.equal(spent.code, 1);
    assert.match(spent.stderr, /^The budget is spent\.\nThe file is uploaded \(file-1\), and no batch/);
    answers['POST /v1/files'] = [new Refusal(401, '{"error":{"message":"The key is wrong."}}')];
    assert.match(
      (await run('submit', items)).stderr,
      /^The key is wrong\. Give a key with --key or INTERMODAL_KEY; make one/,
    );
    const nobody = await run('submit', items, '--url', 'http://127.0.0.1:1');
    assert.match(nobody.stderr, /^No gateway answers at http/);
  });

  test('waits for the end, with a line for each change, and tells of failed items by its exit code', async () => {
    const ended = batchIn('completed', 3, 1, { output_file_id: 'file-2', error_file_id: 'file-3' });
    answers['GET /v1/batches/batch_1'] = [running, running, 'drop', batchIn('in_progress', 2, 0), ended];
    const { code, stdout, stderr } = await run(
      'submit',
      file('items.jsonl', requestLine('a')),
      '--wait',
      '--every',
      '10ms',
    );
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^Batch batch_1: 1 items\.\nin_progress: 0 of 4 done, cost \$0\.5000, saved \$0\.5000, \d+h\d*m? left\nin_progress: 2 of 4 done, .*\ncompleted: 3 of 4 done, 1 failed, cost \$0\.5000, saved \$0\.5000\n/,
    );
    assert.match(stderr, /Try what failed again: intermodal batch retry-dead batch_1/);
    assert.match(stdout, /^items +4, 3 done, 1 failed$/m);
    assert.match(stdout, /^twins +1$/m);
  });

  test('leaves the batch running at Ctrl-C, and says how to go on', async () => {
    const waiting = run('status', 'batch_1', '--wait', '--every', '1h');
    await waiting.says('in_progress');
    waiting.child.kill('SIGINT');
    const { code, stderr } = await waiting;
    assert.equal(code, 130);
    assert.match(stderr, /The batch goes on without you\. Follow it: intermodal batch status batch_1 --wait/);
    assert.ok(asked.every(({ method }) => method === 'GET'));
  });
});

describe('intermodal batch', () => {
  test('shows a batch, and fetches its results when it has ended', async () => {
    const early = await run('results', 'batch_1');
    assert.equal(early.code, 1);
    assert.match(early.stderr, /is in_progress, and has no results yet\. Wait for them/);

    answers['GET /v1/batches/batch_1'] = [batchIn('completed', 4, 0, { output_file_id: 'file-2' })];
    answers['GET /v1/files/file-2/content'] = ['{"custom_id":"a"}\n'];
    const shown = await run('status', 'batch_1');
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, /^status +completed$/m);
    assert.equal((await run('results', 'batch_1')).stdout, '{"custom_id":"a"}\n');
    const target = join(folder, 'results.jsonl');
    const errors = join(folder, 'errors.jsonl');
    const saved = await run('results', 'batch_1', '--output', target, '--errors', errors);
    assert.equal(saved.code, 0);
    assert.equal(saved.stderr, `Written: ${target}\nThe batch batch_1 (completed) has no failed items.\n`);
    assert.equal(readFileSync(target, 'utf8'), '{"custom_id":"a"}\n');
    assert.ok(!existsSync(errors) && !existsSync(`${target}.part`));
  });

  test('shows what is wrong with an input, and fails', async () => {
    const errors = { data: [{ line: 3, message: 'no model' }, { message: 'too much' }] };
    answers['GET /v1/batches/batch_1'] = [batchIn('failed', 0, 0, { errors })];
    const { code, stdout } = await run('status', 'batch_1');
    assert.equal(code, 1);
    assert.match(stdout, /^line 3: no model\ntoo much$/m);
  });

  test('lists, cancels and tries again; all as JSON too', async () => {
    answers['GET /v1/batches?limit=2'] = [{ data: [running, running], has_more: true }];
    answers['GET /v1/batches?limit=20&after=x'] = [{ data: [], has_more: false }];
    answers['POST /v1/batches/batch_1/cancel'] = [batchIn('cancelling', 0, 0)];
    answers['POST /v1/batches/batch_1/retry-dead'] = [{ retried: 1200 }];
    const listed = await run('list', '--limit', '2');
    assert.match(listed.stdout, /^batch_1 +in_progress +4 +0 +0 +\$0\.5000 +2026-/m);
    assert.match(listed.stderr, /There are more: intermodal batch list --after batch_1/);
    assert.match((await run('list', '--after', 'x')).stderr, /There are no batches/);
    assert.match((await run('cancel', 'batch_1')).stdout, /The batch batch_1 is cancelling/);
    assert.match(
      (await run('retry-dead', 'batch_1')).stdout,
      /1,200 failed items of batch_1 are tried again/,
    );
    for (const options of [
      ['list', '--limit', '2'],
      ['cancel', 'batch_1'],
      ['status', 'batch_1'],
      ['retry-dead', 'batch_1'],
    ])
      JSON.parse((await run(...options, '--json')).stdout);
    const missing = await run('status', 'batch_2');
    assert.equal(missing.code, 1);
    assert.equal(
      missing.stderr,
      'There is no such thing. See which batches there are: intermodal batch list\n',
    );
  });

  test('lists dead letters, and writes all of them as JSONL', async () => {
    const letter = (line: number) => ({
      line,
      custom_id: `item ${line}`,
      error: { code: 'upstream_invalid', message: 'Not so.\nNot at all.' },
      attempts: [{ target: 'openai/a@batch' }, { target: 'openai/a' }],
    });
    answers['GET /v1/batches/batch_1/dead-letters?after=0&limit=2'] = [
      { data: [letter(3), letter(5)], has_more: true },
    ];
    const listed = await run('dead-letters', 'batch_1', '--limit', '2');
    assert.match(listed.stdout, /^ +3 +item 3 +2 +openai\/a +upstream_invalid: Not so\. Not at all\.$/m);
    assert.match(listed.stderr, /There are more: intermodal batch dead-letters batch_1 --output FILE/);
    assert.match(listed.stderr, /Try them again: intermodal batch retry-dead batch_1/);
    const shown = JSON.parse((await run('dead-letters', 'batch_1', '--limit', '2', '--json')).stdout);
    assert.deepEqual(shown, [letter(3), letter(5)]);

    answers['GET /v1/batches/batch_1/dead-letters?after=0&limit=500'] = [
      { data: [letter(3), letter(5)], has_more: true },
    ];
    answers['GET /v1/batches/batch_1/dead-letters?after=5&limit=500'] = [
      { data: [letter(9)], has_more: false },
    ];
    const target = join(folder, 'dead.jsonl');
    const saved = await run('dead-letters', 'batch_1', '--output', target);
    assert.equal(saved.stderr, `Written: ${target} (3 dead letters)\n`);
    assert.equal(
      readFileSync(target, 'utf8'),
      [3, 5, 9].map((line) => `${JSON.stringify(letter(line))}\n`).join(''),
    );
    answers['GET /v1/batches/batch_1/dead-letters?after=0&limit=20'] = [{ data: [], has_more: false }];
    assert.match((await run('dead-letters', 'batch_1')).stderr, /has no dead letters\./);
  });

  test('is a command of the program', () => {
    const { status, stdout } = spawnSync(process.execPath, ['src/main.ts', 'batch', '--help'], {
      cwd: root,
      encoding: 'utf8',
    });
    assert.equal(status, 0);
    for (const name of ['submit', 'status', 'results', 'cancel', 'dead-letters', 'retry-dead', 'list'])
      assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
  });
});
