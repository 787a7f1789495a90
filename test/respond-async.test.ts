/** Requests whose callers do not hold the line, from the callers' side: real sockets, the vendors' own clients, batches of the simulator's. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { z } from 'zod';
import { type Road, startRoad } from './support/road.ts';

const yaml = `
waiting: { batch_items: 4, batch_age: 400ms, least_items: 2 }
routes:
  cheap: { chain: [openai/gpt-4.1-nano] }
  claude: { chain: [anthropic/claude-haiku-4-5@batch, anthropic/claude-haiku-4-5] }
  vectors: { chain: [openai/text-embedding-3-small] }
  batches: { chain: [openai/gpt-4.1-nano@batch] }
  cutting: { chain: [local/some-model] }
`;

const kept = z.object({
  id: z.string().regex(/^areq_/),
  object: z.literal('request'),
  status: z.string(),
  way: z.string(),
  created_at: z.int(),
  deadline_at: z.int(),
});

const async = { Prefer: 'respond-async' };
const chat = (text: string, more: object = {}) => ({
  model: 'cheap',
  max_tokens: 50,
  messages: [{ role: 'user' as const, content: `[[echo]] ${text}` }],
  ...more,
});

describe('Prefer: respond-async', () => {
  let road: Road;
  let openai: OpenAI;
  let anthropic: Anthropic;
  before(async () => {
    road = await startRoad({ yaml });
    openai = new OpenAI({ baseURL: `${road.url}/v1`, apiKey: 'any', maxRetries: 0 });
    anthropic = new Anthropic({ baseURL: road.url, apiKey: 'any', maxRetries: 0 });
  });
  after(() => road.close());

  function post(path: string, body: object, headers: Record<string, string> = async): Promise<Response> {
    return fetch(`${road.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  async function keep(body: object, headers: Record<string, string> = {}, path = '/v1/chat/completions') {
    const response = await post(path, body, { ...async, ...headers });
    const text = await response.text();
    assert.equal(response.status, 202, text);
    return kept.parse(JSON.parse(text));
  }

  const ask = (id: string) => fetch(`${road.url}/v1/requests/${id}`);

  function answered(id: string): Promise<Response> {
    return road.until(`${id} is answered`, async () => {
      const response = await ask(id);
      if (response.status !== 202) return response;
      await response.arrayBuffer();
      return false;
    });
  }

  test('answers 202 and where to ask, and the answer is what a held line would have got', async () => {
    const response = await post('/v1/chat/completions', chat('one'));
    const { id, way, status, created_at, deadline_at } = kept.parse(await response.json());
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('location'), `/v1/requests/${id}`);
    assert.equal(response.headers.get('preference-applied'), 'respond-async');
    assert.ok(Number(response.headers.get('retry-after')) > 0);
    assert.deepEqual({ way, status }, { way: 'batch', status: 'queued' });
    assert.equal(deadline_at - created_at, 86_400);
    await keep(chat('two'));
    const end = await answered(id);
    assert.equal(end.status, 200);
    assert.equal(end.headers.get('x-intermodal-target'), 'openai/gpt-4.1-nano@batch');
    assert.equal(end.headers.get('x-intermodal-attempts'), '1');
    assert.ok(Number(end.headers.get('x-intermodal-cost')) > 0);
    assert.ok(Number(end.headers.get('x-intermodal-saved')) > 0);
    const body: OpenAI.ChatCompletion = await end.json();
    assert.equal(body.object, 'chat.completion');
    assert.equal(body.choices[0]?.message.content, 'one');
  });
});
