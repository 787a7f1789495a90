/** Answers of batches are those of sync calls, whatever way the form of an answer is asked for. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from './support/batch-road.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
  vertex: { type: vertex, project: acme, access_token: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~vertex", batch: { gcs: "gs://acme-batch" } }
routes:
  chat: { chain: [openai/gpt-4.1-nano@batch, openai/gpt-4.1-nano] }
  claude: { chain: ["vertex/claude-haiku-4-5@20251001@batch", "vertex/claude-haiku-4-5@20251001"] }
batch: { poll: [20ms], retry: [10ms] }
`;
const schema = {
  type: 'object',
  properties: { label: { type: 'string', enum: ['spam', 'ham'] } },
  required: ['label'],
  additionalProperties: false,
};
const messages = [{ role: 'user', content: 'Classify' }];

describe('answers of a batch', () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-answers-'));
  let gateway: TestGateway;
  before(async () => {
    const faults = { batches: [{ duration_ms: 10 }] };
    gateway = await startTestGateway({ yaml, faults, blobs: folder });
  });
  after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });

  const ask = async (path: string, body?: object) => {
    const method = body === undefined ? 'GET' : 'POST';
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(`${gateway.url}${path}`, { method, ...sent });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return text;
  };
  const results = async (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const chatBatch = async (bodies: readonly object[]) => {
    const url = '/v1/chat/completions';
    const requests = bodies.map((body, index) => ({ custom_id: `${index}`, method: 'POST', url, body }));
    const made = await ask('/v1/batches', { requests, endpoint: url, completion_window: '24h' });
    const batch = await until(
      async () => JSON.parse(await ask(`/v1/batches/${JSON.parse(made).id}`)),
      ({ status }) => status === 'completed',
    );
    return results(await ask(`/v1/files/${batch.output_file_id}/content`));
  };

  test('with a schema are given back as they came, where the caller speaks the provider’s protocol', async () => {
    const response_format = { type: 'json_schema', json_schema: { name: 'label', strict: true, schema } };
    const body = { model: 'chat', messages, response_format };
    const [line] = await chatBatch([body]);
    const { id: _1, created: _2, ...sync } = JSON.parse(await ask('/v1/chat/completions', body));
    const { id: _3, created: _4, ...got } = line.response.body;
    assert.equal(line.intermodal.mode, 'batch');
    assert.equal(JSON.stringify(got), JSON.stringify(sync));
  });

  test('with a schema that was asked for by a tool are its text, though the protocol is the provider’s', async () => {
    const params = {
      model: 'claude',
      max_tokens: 64,
      messages,
      output_config: { format: { type: 'json_schema', schema } },
    };
    const made = await ask('/v1/messages/batches', { requests: [{ custom_id: 'a', params }] });
    const path = `/v1/messages/batches/${JSON.parse(made).id}`;
    await until(
      async () => JSON.parse(await ask(path)),
      ({ processing_status }) => processing_status === 'ended',
    );
    const [line] = await results(await ask(`${path}/results`));
    const { id: _1, ...sync } = JSON.parse(await ask('/v1/messages', params));
    const { id: _2, ...got } = line.result.message;
    assert.equal(line.intermodal.mode, 'batch');
    assert.equal(got.content[0].type, 'text');
    assert.equal(JSON.stringify(got), JSON.stringify(sync));
  });

  test('of a twin say who answered the item that was asked in its place', async () => {
    const body = { model: 'chat', messages: [{ role: 'user', content: 'Twice' }] };
    const [first, second] = await chatBatch([body, body]);
    assert.deepEqual(
      [second.intermodal.target, second.intermodal.mode, second.intermodal.twin_of],
      [first.intermodal.target, 'batch', '1'],
    );
    assert.equal(second.intermodal.submission, first.intermodal.submission);
    assert.deepEqual([second.intermodal.attempts, second.intermodal.cost_usd], [0, 0]);
    assert.equal(JSON.stringify(second.response.body.choices), JSON.stringify(first.response.body.choices));
  });
});
