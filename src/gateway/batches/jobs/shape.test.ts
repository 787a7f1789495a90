import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf, doneItem, failedItem, hostileIds, refusal } from '../../../../test/support/batch-shape.ts';
import { dialectFolders } from '../../dialects/registry.ts';
import { readJob } from './read-job.ts';
import { createShape } from './shape.ts';
import { writeResults } from './write-results.ts';

const shape = createShape(dialectFolders.flatMap((folder) => folder.dialects));
const endpoint = { endpoint: '/v1/chat/completions' };
const job = (value: unknown) => readJob(Buffer.from(JSON.stringify(value)));
const batch = batchOf({ shape: 'jobs', id: 'job_1' });

describe('a job', () => {
  test('becomes lines of requests, with what comes after its items', () => {
    const { lines, webhook } = job({
      items: [
        { id: '1', content: 'a' },
        { id: '2', content: 'b', task: 'other' },
      ],
      model: 'assistant',
      response_format: { type: 'json_object' },
      webhook: 'https://app.example/hook',
    });
    const read = lines.map((line) => shape.readLine(Buffer.from(line.trimEnd()), endpoint));
    assert.deepEqual(
      read.map(({ customId, facts }) => [customId, facts.model]),
      [
        ['1', 'assistant'],
        ['2', 'other'],
      ],
    );
    const calls = read.map((line) => shape.call(line, { id: 'x', batch, nowMs: 0 }));
    assert.deepEqual(
      calls.map((call) => call.lastText()),
      ['a', 'b'],
    );
    assert.deepEqual(calls[0]?.format(), { kind: 'json' });
    assert.deepEqual(webhook, { url: 'https://app.example/hook' });
  });

  test('needs no model where every item names its route', () => {
    assert.equal(job({ items: [{ id: '1', content: 'a', task: 'x' }] }).lines.length, 1);
  });

  test('keeps any id that can be kept', () => {
    const items = hostileIds.map((id) => ({ id, content: 'x' }));
    const { lines } = job({ model: 'm', items });
    const read = lines.map((line) => shape.readLine(Buffer.from(line.trimEnd()), endpoint).customId);
    assert.deepEqual(read, hostileIds);
  });

  const item = { id: '1', content: 'a' };
  const broken: readonly [unknown, string, RegExp][] = [
    [{ model: 'm' }, 'items', /it is missing/],
    [{ model: 'm', items: {} }, 'items', /it is an object/],
    [{ model: 'm', items: [] }, 'items', /is empty/],
    [{ model: 7, items: [item] }, 'model', /it is a number/],
    [{ items: [item] }, 'model', /"model" is missing, and items\[0\]/],
    [{ model: 'm', items: ['x'] }, 'items[0]', /must be an object/],
    [{ model: 'm', items: [{ content: 'a' }] }, 'items[0].id', /it is missing/],
    [{ model: 'm', items: [{ ...item, id: 1 }] }, 'items[0].id', /it is a number/],
    [{ model: 'm', items: [{ ...item, id: '' }] }, 'items[0].id', /is empty/],
    [{ model: 'm', items: [{ ...item, id: 'x'.repeat(10_000) }] }, 'items[0].id', /the most is 512/],
    [{ model: 'm', items: [item, item] }, 'items[1].id', /an earlier item/],
    [{ model: 'm', items: [{ id: '1' }] }, 'items[0].content', /it is missing/],
    [{ model: 'm', items: [{ ...item, task: 3 }] }, 'items[0].task', /names a route/],
    [{ model: 'm', items: [{ ...item, contents: 1 }] }, 'items[0].contents', /Unknown parameter/],
    [{ model: 'm', items: [item], response_format: 'json' }, 'response_format', /it is a string/],
    [{ model: 'm', items: [item], webhook: 'ftp://x' }, 'webhook', /http or https/],
    [{ model: 'm', items: [item], webhook: { url: 'https://a:b@x' } }, 'webhook.url', /no user name/],
    [{ model: 'm', items: [item], callback: 'x' }, 'callback', /Unknown parameter/],
  ];
  for (const [value, param, message] of broken)
    test(`is refused: ${JSON.stringify(value).slice(0, 70)}`, () => {
      const error = refusal(() => job(value));
      assert.match(error.message, message);
      assert.equal(error.param, param);
    });

  test('is refused where it is no JSON object in UTF-8', () => {
    for (const bytes of [Buffer.from('x'), Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from('[]')])
      assert.equal(refusal(() => readJob(bytes)).code, 'invalid_request');
  });
});

describe('a result of a job', () => {
  const [line = ''] = job({ model: 'm', items: [{ id: '1', content: 'a' }] }).lines;
  const call = shape.call(shape.readLine(Buffer.from(line.trimEnd()), endpoint), {
    id: 'x',
    batch,
    nowMs: 0,
  });

  test('is the text, whoever answered', () => {
    assert.equal(call.protocol, 'other', 'no provider’s own body may pass through');
    const body = JSON.stringify(call.encodeAnswer(call.answerOf('yes')), null, 2);
    const { intermodal, ...result } = JSON.parse(shape.writeResult(doneItem(batch, 'a"b', body)).line);
    assert.deepEqual(result, {
      id: 'a"b',
      status: 'succeeded',
      content: 'yes',
      stop: 'end',
      usage: { input_tokens: 0, output_tokens: 0 },
    });
    assert.equal(intermodal.cost_usd, 1e-9);
  });

  for (const [kind, status] of [
    ['rejected', 'failed'],
    ['dead', 'failed'],
    ['cancelled', 'cancelled'],
    ['expired', 'expired'],
  ] as const)
    test(`says ${status} where an item is ${kind}`, () => {
      const result = JSON.parse(shape.writeResult(failedItem(batch, 'a', kind)).line);
      assert.equal(result.status, status);
      assert.deepEqual(result.error, { code: 'invalid_request', message: 'Not "so".' });
    });
});

describe('results as one object', () => {
  const lines = '{"id":"1"}\n\n{"id":"é"}\n{"id":"3"}\n';

  async function* cut(text: string, size: number): AsyncGenerator<Uint8Array> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  async function whole(text: string, size: number): Promise<unknown> {
    const pieces: Buffer[] = [];
    for await (const piece of writeResults({ status: 'completed' }, cut(text, size)))
      pieces.push(Buffer.from(piece));
    return JSON.parse(Buffer.concat(pieces).toString());
  }

  test('are the same however the lines are cut', async () => {
    const results = [{ id: '1' }, { id: 'é' }, { id: '3' }];
    for (let size = 1; size < 40; size++)
      for (const text of [lines, lines.trimEnd(), `\n${lines}`])
        assert.deepEqual(await whole(text, size), { status: 'completed', results });
  });

  test('may be none', async () => assert.deepEqual(await whole('', 1), { status: 'completed', results: [] }));
});
