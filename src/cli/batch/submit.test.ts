import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchIn, brokenInputs, requestLine } from '../../../test/support/batch-inputs.ts';
import { Refusal, running, stubGateway } from './fixtures/stub-gateway.ts';

const { asked, answers, file, run, uploaded } = stubGateway();

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
