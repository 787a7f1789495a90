/**
 * Files as nobody should write them, all the way through a gateway: each line that cannot be sent is told by its number, in `errors` of the batch and in the
 * error file; all other lines are answered; of a line that was told nothing reached the provider.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type BadInput, type Bytes, bodyOf, endpoint, lineOf, startBadInput } from './support/bad-input.ts';
import { hostileIds } from './support/batch-shape.ts';

let scene: BadInput;
before(async () => {
  scene = await startBadInput();
});
after(() => scene.close());
beforeEach(() => scene.forget());

/** Line number, what it is, what its error must say. */
type Bad = readonly [name: string, line: Bytes, message: RegExp, param?: string];

const nested = (depth: number): string =>
  `{"custom_id":"deep","method":"POST","url":"${endpoint}","body":{"model":"chat","messages":[{"role":"user","content":"x"}],"metadata":${'['.repeat(depth)}${']'.repeat(depth)}}}`;

const bad: readonly Bad[] = [
  ['no JSON', 'SECRET hello', /must be a JSON object|expected "{"/],
  ['an array', '[1,2]', /must be a JSON object|expected "{"/],
  ['a text', '"SECRET"', /must be a JSON object|expected "{"/],
  ['null', 'null', /must be a JSON object|expected "{"/],
  ['a half', lineOf('half').slice(0, -5), /not valid JSON|is cut|ends|expected/i],
  ['two objects', `${lineOf('first')} ${lineOf('second')}`, /not valid JSON|after/i],
  ['a comma too many', `${lineOf('comma').slice(0, -1)},}`, /not valid JSON|key/i],
  ['single quotes', "{'custom_id':'x'}", /double quotes/],
  ['a comment', `// ${lineOf('comment')}`, /must be a JSON object|expected "{"/],
  ['a number that is none, deep inside', lineOf('01').replace('"user"', '01'), /JSON/],
  ['a word that is none, deep inside', lineOf('nan').replace('"user"', 'NaN'), /JSON/],
  ['a line end inside a string', '{"custom_id":"raw\ttab"}', /JSON|control|body/],
  [
    'invalid UTF-8',
    Buffer.concat([Buffer.from(lineOf('utf').slice(0, -4)), Buffer.from([0xff, 0xfe]), Buffer.from('"}]}}')]),
    /not valid UTF-8/,
  ],
  [
    'half a surrogate in Latin-1',
    Buffer.from(lineOf('latin').replace('ask', 'ä'), 'latin1'),
    /not valid UTF-8/,
  ],
  ['UTF-16', Buffer.from(lineOf('wide'), 'utf16le').subarray(0, -1), /JSON|UTF-8/],
  ['a second byte order mark', `\ufeff${lineOf('mark')}`, /byte order mark/],
  ['nesting without end', nested(100_000), /deep|nest/i],
  ['no custom_id', lineOf(undefined), /"custom_id" is missing/, 'custom_id'],
  ['custom_id null', lineOf(null), /"custom_id" is missing/, 'custom_id'],
  ['custom_id a number', lineOf(7), /"custom_id" must be a string, but it is a number/, 'custom_id'],
  ['custom_id an object', lineOf({}), /"custom_id" must be a string, but it is an object/, 'custom_id'],
  ['custom_id empty', lineOf(''), /"custom_id" is empty/, 'custom_id'],
  ['custom_id too long', lineOf('x'.repeat(513)), /513 characters long; the most is 512/, 'custom_id'],
  ['custom_id with a NUL', lineOf('a\u0000b'), /holds a NUL or half a surrogate pair/, 'custom_id'],
  ['custom_id half a pair', lineOf('\ud83d'), /holds a NUL or half a surrogate pair/, 'custom_id'],
  [
    'custom_id twice in a line',
    lineOf('one').replace('{', '{"custom_id":"two",'),
    /has the key "custom_id" twice/,
  ],
  [
    'a model twice in a body',
    lineOf('two models').replace('"model"', '"model":"x","model"'),
    /has the key "model" twice/,
  ],
  ['no method', lineOf('m1', { method: undefined }), /"method" is missing; it must be "POST"/, 'method'],
  ['another method', lineOf('m2', { method: 'GET' }), /"method" is "GET"; it must be "POST"/, 'method'],
  ['no url', lineOf('u3', { url: undefined }), /"url" is missing; it must be "\/v1\/chat/, 'url'],
  ['another endpoint', lineOf('u4', { url: '/v1/embeddings' }), /the endpoint of the batch/, 'url'],
  [
    'a whole address',
    lineOf('u5', { url: `https://api.openai.com${endpoint}` }),
    /the endpoint of the batch/,
    'url',
  ],
  ['no body', lineOf('b6', { body: undefined }), /"body" is missing/, 'body'],
  ['a body that is a text', lineOf('b7', { body: '{}' }), /"body" must be an object/, 'body'],
  ['an empty body', lineOf('b8', { body: {} }), /model/, 'body.model'],
  ['no model', lineOf('b9', { body: bodyOf('SECRET', { model: undefined }) }), /model/, 'body.model'],
  [
    'a model that is a number',
    lineOf('b10', { body: bodyOf('SECRET', { model: 5 }) }),
    /model/,
    'body.model',
  ],
  [
    'a route that is not there',
    lineOf('b11', { body: bodyOf('SECRET', { model: 'chta' }) }),
    /No route or model is named "chta"\. Did you mean "chat"\?/,
  ],
  [
    'a stream',
    lineOf('b12', { body: bodyOf('SECRET', { stream: true }) }),
    /"stream" is true/,
    'body.stream',
  ],
  ['no messages', lineOf('b13', { body: { model: 'chat' } }), /messages/],
  ['empty messages', lineOf('b17', { body: { model: 'chat', messages: [] } }), /is empty/, 'body.messages'],
  ['messages that are a text', lineOf('b14', { body: { model: 'chat', messages: 'SECRET' } }), /messages/],
  ['a model of vectors', lineOf('b15', { body: bodyOf('SECRET', { model: 'vectors' }) }), /vectors|serve/],
];

describe('a file of a batch', () => {
  test('has each bad line told by its number, and all others answered', async () => {
    const parts: Bytes[] = [];
    for (const [index, [, line]] of bad.entries()) parts.push(line, '\n', lineOf(`good ${index}`), '\n');
    const { batch, problems, answered, failed, sent } = await scene.run(parts);
    assert.deepEqual(
      answered,
      bad.map((_, index) => `good ${index}`),
    );
    assert.equal(sent, bad.length, 'nothing else was sent');
    assert.deepEqual(batch.request_counts, {
      total: 2 * bad.length,
      completed: bad.length,
      failed: bad.length,
    });
    const told = new Map(problems.map((problem) => [problem.line, problem]));
    const inFile = new Map(failed.map((line) => [line.intermodal.line, line]));
    for (const [index, [name, , message, param]] of bad.entries()) {
      const line = 2 * index + 1;
      const problem = told.get(line);
      assert.match(problem?.message ?? 'nothing', message, name);
      assert.doesNotMatch(problem?.code ?? '', /internal/, name);
      if (param !== undefined) assert.equal(problem?.param, param, name);
      const response = inFile.get(line)?.response;
      assert.equal(response?.body.error?.message, problem?.message, name);
      assert.ok((response?.status_code ?? 0) >= 400 && (response?.status_code ?? 0) < 500, name);
    }
    assert.equal(problems.length, bad.length);
    assert.equal(failed.length, bad.length);
    assert.equal(
      scene.gateway.complaints.filter(({ level }) => level === 'error').length,
      0,
      JSON.stringify(scene.gateway.complaints),
    );
  });

  test('may have hostile ids, each of them once', async () => {
    const parts = [...hostileIds, ...hostileIds.slice(0, 3)].map(
      (id, index) => `${lineOf(id, { body: bodyOf(`${index}`) })}\n`,
    );
    const { problems, answered, failed, sent } = await scene.run(parts);
    assert.deepEqual(answered, hostileIds);
    assert.equal(sent, hostileIds.length);
    assert.deepEqual(
      problems.map(({ line, message, param }) => [line, message, param]),
      [0, 1, 2].map((index) => [
        hostileIds.length + index + 1,
        `The custom_id is the same as in line ${index + 1}; each must be unique in a batch.`,
        'custom_id',
      ]),
    );
    assert.deepEqual(
      failed.map((line) => line.custom_id),
      hostileIds.slice(0, 3),
    );
  });

  test('finds a custom_id again thousands of lines later', async () => {
    const lines = Array.from({ length: 4_500 }, (_, index) => lineOf(`id ${index}`));
    lines[4_200] = lineOf('id 10', { body: bodyOf('another question') });
    const { problems, answered, sent } = await scene.run([lines.join('\n')]);
    assert.deepEqual(
      problems.map(({ line, message }) => [line, message]),
      [[4_201, 'The custom_id is the same as in line 11; each must be unique in a batch.']],
    );
    assert.deepEqual([answered.length, sent], [4_499, 4_499]);
  });

  test('may have a mark in front, CRLF, blank lines, odd spaces, and no end', async () => {
    const text = [
      `\ufeff${lineOf('marked')}\r\n`,
      '\r\n\n  \t \r\n',
      `  ${lineOf('indented')}  \t\r\n`,
      `${lineOf('separated \u2028 \u2029 \u0085')}\n`,
      `${lineOf('wrong', { method: 'GET' })}\r\n`,
      '\n\n',
      lineOf('last'),
    ];
    const { problems, answered, sent } = await scene.run(text);
    assert.deepEqual(answered, ['marked', 'indented', 'separated \u2028 \u2029 \u0085', 'last']);
    assert.deepEqual(
      problems.map(({ line }) => line),
      [7],
      'blank lines count, as they do in an editor',
    );
    assert.equal(sent, 4);
  });

  for (const [name, text] of [
    ['nothing', ''],
    ['blank lines', '\n\r\n  \n\t\n\n'],
    ['a mark', '\ufeff'],
    ['a mark and blank lines', '\ufeff\r\n\n'],
  ] as const)
    test(`of ${name} fails as a whole, and says so`, async () => {
      const { batch, problems, sent } = await scene.run([text]);
      assert.equal(batch.status, 'failed');
      assert.deepEqual(
        problems.map(({ code, line }) => [code, line]),
        [['empty_file', null]],
      );
      assert.deepEqual([batch.output_file_id, batch.error_file_id, sent], [null, null, 0]);
    });

  test('of bad lines alone ends without a call', async () => {
    const { batch, failed, sent } = await scene.run(['x\n', 'y\n']);
    assert.equal(batch.status, 'completed');
    assert.deepEqual(batch.request_counts, { total: 2, completed: 0, failed: 2 });
    assert.deepEqual([failed.length, batch.output_file_id, sent], [2, null, 0]);
    const alerts = scene.gateway.complaints.filter(({ message }) => message.includes('retry-dead'));
    assert.deepEqual(alerts, [], 'no operator is told of what only its caller can mend');
  });

  test('may have a line of 200 MB, which is told', async () => {
    const mib = Buffer.alloc(1024 * 1024, 0x61);
    async function* parts(): AsyncGenerator<Bytes> {
      yield `${lineOf('before')}\n{"custom_id":"huge","body":"`;
      for (let count = 0; count < 200; count++) {
        yield mib;
      }
      yield `"}\n${lineOf('after')}\n`;
    }
    const { problems, answered, failed, sent } = await scene.run(parts());
    assert.deepEqual(answered, ['before', 'after']);
    assert.deepEqual(
      problems.map(({ line, message }) => [line, message]),
      [[2, 'The line has 209715230 bytes; a line may have at most 33554432.']],
    );
    assert.deepEqual([failed.length, failed[0]?.intermodal.line, sent], [1, 2, 2]);
  });

  test('with 5,000 errors tells the first hundred, and all of them in the error file', async () => {
    const lines = Array.from({ length: 5_001 }, (_, index) =>
      index === 2_500 ? lineOf('the good one') : lineOf(`bad ${index}`, { method: 'PUT' }),
    );
    const { batch, problems, answered, failed, sent } = await scene.run([lines.join('\n')]);
    assert.deepEqual(batch.request_counts, { total: 5_001, completed: 1, failed: 5_000 });
    assert.deepEqual([answered, sent], [['the good one'], 1]);
    assert.deepEqual(
      problems.map(({ line }) => line),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    const wanted = lines.flatMap((_, index) => (index === 2_500 ? [] : [[index + 1, `bad ${index}`]]));
    assert.deepEqual(
      failed.map((line) => [line.intermodal.line, line.custom_id]),
      wanted,
    );
  });
});
