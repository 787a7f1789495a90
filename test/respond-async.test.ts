/** Requests whose callers do not hold the line, from the callers' side: real sockets, the vendors' own clients, batches of the simulator's. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import {
  anthropicError,
  batch,
  callerOf,
  chat,
  faults,
  type Headers,
  openaiError,
  secret,
  stateSchema,
  textOf,
  wish,
  yaml,
} from './support/async-caller.ts';
import { type Road, startRoad } from './support/road.ts';

describe('Prefer: respond-async', () => {
  let road: Road;
  before(async () => {
    road = await startRoad({ yaml, faults, batch });
  });
  after(() => road.close());
  const { send, keep, about, ended } = callerOf(() => road);

  test('answers 202 and where to ask, and the answer is what a held line would have got', async () => {
    const response = await send('/v1/chat/completions', chat('one'));
    const { id, way, status, created_at, deadline_at } = stateSchema.parse(await response.json());
    assert.equal(response.status, 202);
    assert.equal(response.headers.get('location'), `/v1/requests/${id}`);
    assert.equal(response.headers.get('preference-applied'), 'respond-async');
    assert.ok(Number(response.headers.get('retry-after')) > 0);
    assert.deepEqual({ way, status }, { way: 'batch', status: 'queued' });
    assert.equal(deadline_at - created_at, 86_400);
    const open = await about(id);
    assert.equal(open.status, 202);
    assert.equal(stateSchema.parse(await open.json()).id, id);
    await keep(chat('two'));
    const end = await ended(id);
    assert.equal(end.status, 200);
    assert.equal(end.headers.get('x-intermodal-target'), 'openai/gpt-4.1-nano@batch');
    assert.equal(end.headers.get('x-intermodal-attempts'), '1');
    assert.ok(Number(end.headers.get('x-intermodal-cost')) > 0);
    assert.ok(Number(end.headers.get('x-intermodal-saved')) > 0);
    assert.equal(await textOf(end), 'one');
    // It is there for whoever asks again.
    assert.equal(await textOf(await about(id)), 'one');
  });

  test('is heard from the OpenAI client, whose answer is an OpenAI answer', async () => {
    const client = new OpenAI({ baseURL: `${road.url}/v1`, apiKey: 'any', maxRetries: 0 });
    const asked = ['a', 'b', 'c', 'd'].map((text) =>
      client.chat.completions.create(chat(text), { headers: { Prefer: 'respond-async' } }).withResponse(),
    );
    const kept = await Promise.all(asked);
    for (const [index, { response, data }] of kept.entries()) {
      assert.equal(response.status, 202);
      await ended(data.id);
      const answer: OpenAI.ChatCompletion = await client.get(
        response.headers.get('location')?.slice(3) ?? '',
      );
      assert.equal(answer.choices[0]?.message.content, 'abcd'[index]);
      assert.ok((answer.usage?.total_tokens ?? 0) > 0);
    }
  });

  test('is heard from the Anthropic client, whose answer is a message', async () => {
    const client = new Anthropic({ baseURL: road.url, apiKey: 'any', maxRetries: 0 });
    const kept = await Promise.all(
      ['a', 'b'].map((text) =>
        client.messages.create(chat(text, 'claude'), { headers: { Prefer: 'respond-async' } }).withResponse(),
      ),
    );
    for (const [index, { response, data }] of kept.entries()) {
      assert.equal(response.status, 202);
      const end = await ended(data.id);
      assert.equal(end.headers.get('x-intermodal-target'), 'anthropic/claude-haiku-4-5@batch');
      const message: Anthropic.Message = await client.get(response.headers.get('location') ?? '');
      assert.equal(message.type, 'message');
      assert.deepEqual(message.content[0], { ...message.content[0], type: 'text', text: 'ab'[index] });
    }
  });

  test('takes embeddings too', async () => {
    const bodies = ['x', 'y'].map((input) => ({ model: 'vectors', input }));
    const kept = await Promise.all(bodies.map((body) => keep(body, {}, '/v1/embeddings')));
    const end = await ended(kept[0]?.id ?? '');
    const { data } = z
      .object({ data: z.array(z.object({ embedding: z.array(z.number()) })) })
      .parse(await end.json());
    assert.ok((data[0]?.embedding.length ?? 0) > 0);
  });

  test('answers whole what was asked as a stream', async () => {
    const more = { stream: true, stream_options: { include_usage: true } };
    const kept = await Promise.all([keep(chat('s1', 'cheap', more)), keep(chat('s2', 'cheap', more))]);
    assert.equal(await textOf(await ended(kept[0].id)), 's1');
  });

  test('takes bodies that were written over many lines', async () => {
    const text = JSON.stringify(chat('many\nlines'), null, 2);
    const headers = { 'content-type': 'application/json', ...wish };
    const url = `${road.url}/v1/chat/completions`;
    const response = await fetch(url, { method: 'POST', headers, body: `\ufeff${text}\r\n` });
    const { id } = stateSchema.parse(await response.json());
    await keep(chat('another'));
    assert.equal(await textOf(await ended(id)), 'many\nlines');
  });

  test('holds the line as long as its caller waits, and answers there if it can', async () => {
    const body = chat('held', 'lone');
    const held = await send('/v1/chat/completions', body, { prefer: 'respond-async, wait=60' });
    assert.equal(held.status, 200);
    assert.equal(held.headers.get('preference-applied'), 'wait=60');
    assert.match(held.headers.get('location') ?? '', /^\/v1\/requests\/areq_/);
    assert.equal(await textOf(held), 'held');
    const released = await send('/v1/chat/completions', chat('not', 'lone'), {
      prefer: 'wait=0, respond-async',
    });
    assert.equal(released.status, 202);
    const { id } = stateSchema.parse(await released.json());
    const waited = await about(id, 'GET', { prefer: 'wait=60' });
    assert.equal(await textOf(waited), 'not');
  });

  test('calls at once what has no time to wait', async () => {
    const response = await send('/v1/chat/completions', chat('now'), { 'x-intermodal-deadline': '20s' });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('preference-applied'), null);
    assert.equal(response.headers.get('x-intermodal-target'), 'openai/gpt-4.1-nano');
    assert.equal(await textOf(response), 'now');
  });

  test('gathers nothing that should not wait', async () => {
    const tool = {
      messages: [
        { role: 'user', content: 'What is the time?' },
        {
          role: 'assistant',
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'time', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'Noon.' },
      ],
    };
    assert.equal((await keep(chat('', 'cheap', tool))).way, 'queue');
    assert.equal((await keep(chat('u'), { 'x-intermodal-priority': 'high' })).way, 'queue');
    assert.equal((await keep(chat('h'), { 'x-intermodal-deadline': '30m' })).way, 'queue');
    assert.equal((await keep(chat('l', 'single'))).way, 'queue');
    assert.equal((await keep(chat('b', 'batches'), { 'x-intermodal-deadline': '30m' })).way, 'batch');
  });

  test('passes on what is too little for a batch', async () => {
    const { id, way } = await keep(chat('alone'), { 'x-intermodal-tags': 'nobody-else' });
    assert.equal(way, 'batch');
    await road.until('it goes through the queue', async () => {
      const row = await road.stores.queue.get('', id);
      return row?.way === 'queue';
    });
  });

  test('tells how an item failed as a held line would have heard it', async () => {
    const kept = await Promise.all([keep(chat('f1', 'failing')), keep(chat('f2', 'failing'))]);
    const end = await ended(kept[0].id);
    assert.equal(end.status, 400);
    assert.ok(openaiError.safeParse(await end.json()).success);
    const messages = await Promise.all(
      ['f3', 'f4'].map((text) => keep(chat(text, 'failing'), {}, '/v1/messages')),
    );
    const claude = await ended(messages[0]?.id ?? '');
    assert.ok(claude.status >= 400);
    assert.ok(anthropicError.safeParse(await claude.json()).success);
  });

  test('is one request by one idempotency key', async () => {
    const headers = { 'idempotency-key': 'once' };
    const first = await send('/v1/chat/completions', chat('i'), headers);
    const again = await send('/v1/chat/completions', chat('i'), headers);
    assert.equal(again.status, 202);
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    assert.equal(first.headers.get('idempotent-replayed'), null);
    assert.equal(again.headers.get('location'), first.headers.get('location'));
    const other = await send('/v1/chat/completions', chat('else'), headers);
    assert.equal(other.status, 409);
    openaiError.parse(await other.json());
    const long = await send('/v1/chat/completions', chat('i'), { 'idempotency-key': 'k'.repeat(256) });
    assert.equal(long.status, 400);
  });

  test('can be cancelled until it has ended', async () => {
    const { id } = await keep(chat('c'), { 'x-intermodal-tags': 'cancelled' });
    const cancelled = await about(id, 'DELETE');
    assert.equal(cancelled.status, 200);
    assert.equal(stateSchema.parse(await cancelled.json()).status, 'cancelled');
    assert.equal((await about(id, 'DELETE')).status, 200);
    const gone = await about(id);
    assert.equal(gone.status, 499);
    openaiError.parse(await gone.json());
    const done = await keep(chat('d', 'lone'));
    await ended(done.id);
    const late = await about(done.id, 'DELETE');
    assert.equal(late.status, 409);
    openaiError.parse(await late.json());
  });

  test('are listed, the newest first', async () => {
    const pageSchema = z.object({ data: z.array(stateSchema), has_more: z.boolean() });
    const page = async (query: string) =>
      pageSchema.parse(await (await fetch(`${road.url}/v1/requests?${query}`)).json());
    const older = await keep(chat('older', 'lone'));
    const newer = await keep(chat('newer', 'lone'));
    const { data, has_more } = await page('limit=1');
    assert.deepEqual({ ids: data.map(({ id }) => id), has_more }, { ids: [newer.id], has_more: true });
    assert.equal((await page(`limit=1&after=${newer.id}`)).data[0]?.id, older.id);
    const wrong = await fetch(`${road.url}/v1/requests?limit=0`);
    assert.equal(wrong.status, 400);
    openaiError.parse(await wrong.json());
    assert.equal((await fetch(`${road.url}/v1/requests`, { method: 'POST' })).status, 405);
  });

  test('says what is wrong at once, in the words of the dialect', async () => {
    const wrong: readonly (readonly [string, object, Headers, number])[] = [
      ['no messages', { model: 'cheap' }, {}, 400],
      ['an unknown model', chat('x', 'nobody'), {}, 404],
      ['a deadline that is none', chat('x'), { 'x-intermodal-deadline': 'soon' }, 400],
      ['a deadline of a month', chat('x'), { 'x-intermodal-deadline': '31d' }, 400],
      ['a priority that is none', chat('x'), { 'x-intermodal-priority': 'urgent' }, 400],
      ['a webhook that is no URL', chat('x'), { 'x-intermodal-webhook': 'here' }, 400],
      ['a webhook of another scheme', chat('x'), { 'x-intermodal-webhook': 'ftp://example.com' }, 400],
      ['a webhook with a password', chat('x'), { 'x-intermodal-webhook': 'https://a:b@example.com' }, 400],
      ['a model that cannot embed', { model: 'vectors', input: 'x', messages: [] }, {}, 400],
    ];
    for (const [what, body, headers, status] of wrong) {
      const openai = await send('/v1/chat/completions', body, headers);
      assert.equal(openai.status, status, what);
      openaiError.parse(await openai.json());
      const anthropic = await send('/v1/messages', body, headers);
      assert.equal(anthropic.status, status, what);
      anthropicError.parse(await anthropic.json());
    }
    const missing = await about('areq_nobody', 'GET', { 'anthropic-version': '2023-06-01' });
    assert.equal(missing.status, 404);
    anthropicError.parse(await missing.json());
    const post = await about('areq_nobody', 'PUT');
    assert.equal(post.status, 405);
    assert.equal(post.headers.get('allow'), 'GET, DELETE');
  });

  test('tells a webhook of the end, signed', async () => {
    const got: { headers: Record<string, string>; body: string }[] = [];
    const receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (part) => {
        body += String(part);
      });
      request.on('end', () => {
        const headers = Object.fromEntries(
          Object.entries(request.headers).flatMap(([name, value]) =>
            typeof value === 'string' ? [[name, value]] : [],
          ),
        );
        got.push({ headers, body });
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const address = receiver.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const { id } = await keep(chat('w', 'lone'), {
        'x-intermodal-webhook': `http://127.0.0.1:${port}/hook`,
      });
      const { headers, body } = await road.until('it is told', async () => got[0]);
      new Webhook(secret).verify(body, headers);
      const told = z
        .object({ type: z.string(), data: z.object({ request_id: z.string(), status_code: z.number() }) })
        .parse(JSON.parse(body));
      assert.deepEqual(told, { type: 'request.completed', data: { request_id: id, status_code: 200 } });
      assert.equal((await about(id)).status, 200);
    } finally {
      receiver.closeAllConnections();
      receiver.close();
    }
    assert.equal(got.length, 1);
  });

  test('leaves no trace in what callers list of their batches and files', async () => {
    await ended((await keep(chat('hidden', 'lone'))).id);
    for (const path of ['/v1/batches', '/v1/files', '/v1/messages/batches']) {
      const listed = z.object({ data: z.array(z.unknown()) });
      const { data } = listed.parse(await (await fetch(`${road.url}${path}`)).json());
      assert.deepEqual(data, [], path);
    }
  });
});
