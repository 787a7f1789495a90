import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import { createFold } from '../../core/answer.ts';
import type { BatchJob, BatchResult } from '../contract.ts';
import { readRow, writeLine } from './batch-lines.ts';
import { readClaudeError } from './claude.ts';
import { createGeminiChat, readGeminiFailure } from './gemini.ts';

const job: BatchJob = { id: 's0a1b2c3d4e5', items: 3, bytes: 100, createdAtMs: 0 };
const now = (): number => 0;
const google = { publisher: 'google', readError: readGeminiFailure(now) } as const;
const anthropic = { publisher: 'anthropic', readError: readClaudeError(now) } as const;

describe('a line of the input', () => {
  test('holds the id beside Gemini’s request and in its labels, by the rules that labels have', () => {
    const line = writeLine('google', job, { key: 12, body: '{"contents":[{"role":"user"}]}' });
    assert.ok(line.endsWith('\n'));
    const { custom_id: id, request } = JSON.parse(line);
    assert.equal(id, 's0a1b2c3d4e5-12');
    assert.deepEqual(request, {
      contents: [{ role: 'user' }],
      labels: { intermodal_item: 's0a1b2c3d4e5-12' },
    });
    for (const text of Object.entries(request.labels).flat())
      assert.match(String(text), /^[a-z0-9_-]{1,63}$/);
  });

  test('keeps labels that are there, and every other byte of the body', () => {
    const body =
      '{"contents":[],"labels":{"team":"search"},"generationConfig":{"seed":12345678901234567890}}';
    const line = writeLine('google', job, { key: 0, body });
    assert.deepEqual(JSON.parse(line).request.labels, { team: 'search', intermodal_item: 's0a1b2c3d4e5-0' });
    assert.ok(line.includes('"seed":12345678901234567890'), 'a number that JavaScript would round');
  });

  test('is one line, though the body has line ends between its tokens', () => {
    const body = '{\n  "max_tokens": 8,\r\n  "messages": [{"role":"user","content":"a\\nb\u2028c"}]\n}';
    const line = writeLine('anthropic', job, { key: 1, body });
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.equal(line.includes('\r'), false);
    assert.deepEqual(JSON.parse(line).request, JSON.parse(body));
  });

  test('asks Claude for no stream, and carries no label there', () => {
    const line = writeLine('anthropic', job, {
      key: 1,
      body: '{"anthropic_version":"vertex-2023-10-16","stream":true,"max_tokens":8}',
    });
    assert.deepEqual(JSON.parse(line), {
      custom_id: 's0a1b2c3d4e5-1',
      request: { anthropic_version: 'vertex-2023-10-16', max_tokens: 8 },
    });
  });
});

const answer = {
  candidates: [{ content: { role: 'model', parts: [{ text: 'Pier 4.' }] }, finishReason: 'STOP' }],
};

describe('a row of the output', () => {
  /** As recorded in January 2025, the answer shortened. */
  const recorded = {
    custom_id: 's0a1b2c3d4e5-2',
    status: '',
    processed_time: '2025-01-26T18:50:04.256+00:00',
    request: { contents: [{ parts: [{ text: 'Ramen' }], role: 'user' }] },
    response: answer,
  };

  test('is an answer where its status is empty and candidates are there', () => {
    assert.deepEqual(readRow(recorded, job, google), { kind: 'answered', key: 2, body: answer });
  });

  test('is known by its label where custom_id does not come back', () => {
    const { custom_id: _, ...row } = recorded;
    const labelled = { ...row, request: { ...row.request, labels: { intermodal_item: 's0a1b2c3d4e5-7' } } };
    assert.deepEqual(readRow(labelled, job, google), { kind: 'answered', key: 7, body: answer });
  });

  test('of another job, or of none, is unreadable', () => {
    const ids = ['s0a1b2c3d4e6-2', 's0a1b2c3d4e5', 's0a1b2c3d4e5-', 's0a1b2c3d4e5-1x', '2', '', 4, null];
    for (const id of ids)
      assert.equal(readRow({ ...recorded, custom_id: id }, job, google).kind, 'unreadable', String(id));
    assert.equal(readRow(undefined, job, google).kind, 'unreadable');
  });

  test('that says why the prompt was blocked is an answer, which the sync reader understands', () => {
    const response = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 4 } };
    const result = readRow({ ...recorded, response }, job, google);
    assert.equal(result.kind, 'answered');
    const endpoint = createGeminiChat(
      modelInfo('gemini-2.5-flash'),
      () => assert.fail('nothing is sent'),
      now,
    );
    const fold = createFold();
    endpoint.readAnswer(result.kind === 'answered' ? result.body : undefined, fold.add);
    assert.equal(fold.answer().choices[0]?.stop.kind, 'filter');
  });

  test('with neither candidates nor a reason is no answer', () => {
    for (const response of [{}, undefined, null, { candidates: [] }, { promptFeedback: {} }]) {
      const result = readRow({ ...recorded, response }, job, google);
      assert.equal(failure(result).code, 'upstream_malformed', JSON.stringify(response));
    }
  });

  test('of Claude is a message, or the error in its place', () => {
    const message = { type: 'message', role: 'assistant', content: [{ type: 'text', text: 'Pier 4.' }] };
    assert.deepEqual(readRow({ ...recorded, response: message }, job, anthropic), {
      kind: 'answered',
      key: 2,
      body: message,
    });
    const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
    assert.equal(
      failure(readRow({ ...recorded, response: overloaded }, job, anthropic)).code,
      'upstream_overloaded',
    );
    const refused = { type: 'error', error: { type: 'invalid_request_error', message: 'messages: too few' } };
    assert.equal(
      failure(readRow({ ...recorded, response: refused }, job, anthropic)).code,
      'invalid_request',
    );
  });

  const google400 = JSON.stringify({
    error: { code: 400, message: 'Unable to submit request.', status: 'INVALID_ARGUMENT' },
  });
  const refusals: readonly (readonly [string, string, string])[] = [
    ['Google’s words and its error', `Bad Request: ${google400}`, 'invalid_request'],
    ['the error alone', google400, 'invalid_request'],
    ['words alone', 'Too Many Requests', 'rate_limited'],
    ['an error that is cut', 'Service Unavailable: {"error": {"code": 50', 'upstream_overloaded'],
    ['a sentence', 'The row could not be processed.', 'upstream_fault'],
    [
      'the number of google.rpc',
      '{"error":{"code":8,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}',
      'rate_limited',
    ],
    [
      'too long a prompt',
      'Bad Request: {"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}',
      'context_too_long',
    ],
  ];
  for (const [name, status, code] of refusals)
    test(`failed with ${name} is ${code}`, () => {
      // Candidates beside a status are no success.
      const error = failure(readRow({ ...recorded, status }, job, google));
      assert.equal(error.code, code);
      assert.equal(error.message.includes('{'), false, error.message);
    });

  test('that was cancelled says so', () => {
    const cancelled = 'Cancelled: {"error":{"code":499,"message":"Cancelled","status":"CANCELLED"}}';
    assert.deepEqual(readRow({ ...recorded, status: cancelled }, job, google), { kind: 'cancelled', key: 2 });
  });

  test('tells no project, account or key of ours', () => {
    const message = 'Denied for projects/acme-7/x, robot@acme-7.iam.gserviceaccount.com, AIzaSyA1234567890';
    const status = `Forbidden: ${JSON.stringify({ error: { code: 403, status: 'PERMISSION_DENIED', message } })}`;
    const error = failure(readRow({ ...recorded, status }, job, google));
    assert.equal(error.code, 'upstream_auth');
    assert.doesNotMatch(error.message, /acme|AIza/);
  });
});

function failure(result: BatchResult) {
  if (result.kind !== 'failed') throw new Error(`expected a failure, not ${JSON.stringify(result)}`);
  assert.equal(result.key, 2);
  return result.error;
}
