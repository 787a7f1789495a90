import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LineSplitter } from '../../wire/jsonl.ts';
import type { BatchResult } from '../contract.ts';
import { invokeErrorRows } from './invoke.ts';
import { envelopeBytes, readRecord, readRecordId, recordId, writeRecord } from './records.ts';

const job = 'sq3f9k20w7bz';

describe('ids of records', () => {
  test('are eleven letters and digits, as AWS’s examples are', () => {
    for (const key of [0, 1, 35, 36, 49_999, 60_466_175]) {
      const id = recordId(job, key);
      assert.match(id, /^[a-z0-9]{11}$/);
      assert.equal(readRecordId(job, id), key);
    }
    assert.equal(recordId(job, 49_999), '20w7bz012kv');
  });

  test('grow where keys are larger, and are never the same for two', () => {
    assert.equal(recordId(job, 60_466_176), '20w7bz100000');
    assert.equal(readRecordId(job, recordId(job, Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER);
    const keys = [0, 1, 36 ** 5 - 1, 36 ** 5, 36 ** 5 + 1, 36 ** 6, 36 ** 7, Number.MAX_SAFE_INTEGER];
    assert.equal(new Set(keys.map((key) => recordId(job, key))).size, keys.length);
  });

  const strangers = [
    '',
    '20w7bz',
    '20w7bz1',
    '20w7bz0000001',
    '20W7BZ00001',
    '20w7bz0000A',
    '20w7bz-0001',
    'other000001',
    'REC00000001',
    '20w7bzzzzzzzzzzzzzz',
  ];
  for (const id of strangers)
    test(`"${id}" is none of ours`, () => assert.equal(readRecordId(job, id), undefined));
});

describe('lines of the input', () => {
  test('hold the body as it came', () => {
    assert.equal(
      writeRecord(job, { key: 7, body: '{"max_tokens":1,"x":"\\n\u2028"}' }),
      '{"recordId":"20w7bz00007","modelInput":{"max_tokens":1,"x":"\\n\u2028"}}\n',
    );
  });

  test('are lines, however the body was laid out', () => {
    const record = writeRecord(job, { key: 7, body: '{\r\n  "max_tokens": 1,\n  "x": "a\\nb"\n}' });
    assert.equal(record.indexOf('\n'), record.length - 1);
    assert.ok(!record.includes('\r'));
    assert.deepEqual(JSON.parse(record), {
      recordId: '20w7bz00007',
      modelInput: { max_tokens: 1, x: 'a\nb' },
    });
  });

  test('add no more than they say', () => {
    for (const key of [0, Number.MAX_SAFE_INTEGER])
      assert.ok(writeRecord(job, { key, body: '{}' }).length - 2 <= envelopeBytes);
    assert.equal(writeRecord(job, { key: Number.MAX_SAFE_INTEGER, body: '{}' }).length - 2, envelopeBytes);
  });
});

describe('lines of the output', () => {
  function read(text: string): BatchResult {
    const [line] = new LineSplitter().push(Buffer.from(`${text}\n`));
    assert.ok(line !== undefined);
    return readRecord(job, invokeErrorRows, line);
  }

  test('are answers', () => {
    const modelOutput = { id: 'msg_1', type: 'message', content: [] };
    assert.deepEqual(read(JSON.stringify({ recordId: '20w7bz00007', modelInput: {}, modelOutput })), {
      kind: 'answered',
      key: 7,
      body: modelOutput,
    });
    assert.equal(
      read(JSON.stringify({ recordId: '20w7bz00007', modelOutput, error: null })).kind,
      'answered',
    );
  });

  const errors: readonly (readonly [object, string])[] = [
    [{ errorCode: 400, errorMessage: 'max_tokens: Field required' }, 'invalid_request'],
    [{ errorCode: 400, errorMessage: 'Input is too long for requested model.' }, 'context_too_long'],
    [{ errorCode: 400, errorMessage: 'Output blocked by content filtering policy' }, 'content_blocked'],
    [
      { errorCode: 400, errorMessage: 'Malformed input request: extraneous key [x] is not permitted' },
      'upstream_refused_shape',
    ],
    [{ errorCode: 429, errorMessage: 'Too many requests' }, 'rate_limited'],
    [{ errorCode: '503', errorMessage: '' }, 'upstream_overloaded'],
    [{ errorCode: 'ThrottlingException', errorMessage: 'slow down' }, 'rate_limited'],
    [{ errorMessage: 'Something' }, 'upstream_fault'],
    [{}, 'upstream_fault'],
  ];
  for (const [error, code] of errors)
    test(`${JSON.stringify(error)} is ${code}`, () => {
      const result = read(JSON.stringify({ recordId: '20w7bz00007', modelInput: {}, error }));
      assert.ok(result.kind === 'failed');
      assert.equal(result.key, 7);
      assert.equal(result.error.code, code);
    });

  const unreadable: readonly (readonly [string, RegExp])[] = [
    ['{"recordId":"20w7bz00007","modelOu', /Line 1 of the output is no JSON object/],
    ['[]', /is no JSON object/],
    ['{"modelOutput":{}}', /recordId that is not of this job/],
    ['{"recordId":7,"modelOutput":{}}', /recordId that is not of this job/],
    ['{"recordId":"aaaaaa00007","modelOutput":{}}', /recordId that is not of this job/],
    ['{"recordId":"20w7bz00007"}', /neither modelOutput nor error/],
    ['{"recordId":"20w7bz00007","modelOutput":"text"}', /neither modelOutput nor error/],
  ];
  for (const [text, message] of unreadable)
    test(`${text} cannot be read`, () => {
      const result = read(text);
      assert.ok(result.kind === 'unreadable');
      assert.match(result.message, message);
      assert.ok(!result.message.includes('aaaaaa'));
    });
});
