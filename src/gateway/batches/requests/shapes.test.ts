/** Lines of gathered requests, as they are written and as the batch road reads them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { batchOf, hostileIds } from '../../../../test/support/batch-shape.ts';
import type { BatchShape } from '../../../batch/shape/contract.ts';
import { splitLines } from '../../../wire/jsonl.ts';
import { dialectFolders } from '../../dialects/registry.ts';
import { createRequestShapes, dialectOf, shapeIdOf, writeRequestLine } from './shapes.ts';

const shapes = createRequestShapes(dialectFolders.flatMap(({ dialects }) => dialects));
const shapeFor = (dialect: string): BatchShape =>
  shapes.find(({ id }) => id === shapeIdOf(dialect)) ?? assert.fail(`no shape for ${dialect}`);
const chat = { model: 'cheap', max_tokens: 5, messages: [{ role: 'user', content: 'é🙂\u2028"\\' }] };

function lineOf(id: string, body: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  return writeRequestLine({ id, state: 'gathered', headers, body: Buffer.from(body) });
}

async function split(bytes: Buffer): Promise<readonly Buffer[]> {
  const lines: Buffer[] = [];
  async function* once() {
    yield bytes;
  }
  for await (const some of splitLines(once()))
    for (const { text } of some) lines.push(Buffer.from(text ?? assert.fail('a line is too long')));
  return lines;
}

describe('lines of gathered requests', () => {
  test('are read in a shape for each dialect that can wait', () => {
    assert.deepEqual(shapes.map(({ id }) => dialectOf(id)).sort(), [
      'anthropic-messages',
      'openai-chat',
      'openai-embeddings',
    ]);
    for (const shape of shapes) assert.equal(shape.unlisted, true);
  });

  test('come back as they were asked, whatever the body and the id hold', async () => {
    const shape = shapeFor('openai-chat');
    for (const written of [JSON.stringify(chat), JSON.stringify(chat, null, '\t\r\n')]) {
      for (const id of ['areq_1', ...hostileIds]) {
        const [line, ...others] = await split(lineOf(id, written));
        assert.deepEqual(others, []);
        const read = shape.readLine(line ?? assert.fail(), batchOf());
        assert.equal(read.customId, id);
        assert.deepEqual(JSON.parse(read.body.bytes.toString('utf8')), chat);
        assert.equal(read.facts.model, 'cheap');
        assert.equal(read.headers, undefined);
      }
    }
  });

  test('carry the headers that came with them', async () => {
    const headers = { 'anthropic-beta': 'a"b,c', 'anthropic-version': '2023-06-01' };
    const [line] = await split(lineOf('areq_1', JSON.stringify(chat), headers));
    const read = shapeFor('anthropic-messages').readLine(line ?? assert.fail(), batchOf());
    assert.deepEqual(read.headers, headers);
  });

  test('of one that was cancelled keep its place and ask nothing', async () => {
    const shape = shapeFor('openai-chat');
    const body = Buffer.from(JSON.stringify(chat));
    const [line] = await split(writeRequestLine({ id: 'areq_1', state: 'cancelled', headers: {}, body }));
    assert.ok(line !== undefined);
    assert.throws(() => shape.readLine(line, batchOf()), /"body" is missing/);
    assert.equal(shape.customIdOf(line), 'areq_1');
  });
});
