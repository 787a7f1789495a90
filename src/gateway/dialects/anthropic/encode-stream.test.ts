/** The dialect's streams: their grammar, and what Anthropic's own SDK reads in them over a socket. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import type { Carry } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { BlockStart, StreamEvent } from '../../../core/event.ts';
import { decodeContent } from './decode-content.ts';
import { openMessageStream } from './encode-stream.ts';
import {
  add,
  assertGrammar,
  carried,
  close,
  context,
  ended,
  open,
  started,
  tool,
  wireEvents,
  write,
} from './fixtures/events.ts';

/** Calls that arrive side by side, thinking signed late, an empty text, and a call without arguments. */
const busy: readonly StreamEvent[] = [
  started,
  open(0, { type: 'reasoning' }),
  add(0, 'Two '),
  add(0, 'cranes.'),
  carried(0, { family: 'anthropic', payload: 'c2ln' }),
  close(0),
  open(1, { type: 'text' }),
  open(2, tool('a')),
  add(2, '{"pi'),
  open(3, tool('b')),
  add(3, '{"pier":'),
  add(2, 'er":4}'),
  add(3, '5}'),
  open(4, tool('c')),
  close(1),
  close(3),
  close(2),
  close(4),
  ...ended('tool'),
];

describe('the stream', () => {
  test('is one block after another, however they came', () => {
    const events = wireEvents(write(busy));
    assertGrammar(events);
    assert.deepEqual(
      events
        .filter((event) => event.type === 'content_block_start')
        .map((event) => event.content_block?.type),
      ['thinking', 'tool_use', 'tool_use', 'tool_use'],
    );
    assert.deepEqual(events.at(-2), {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: {
        input_tokens: 20,
        output_tokens: 9,
        cache_read_input_tokens: 10,
        cache_creation_input_tokens: 0,
      },
    });
  });

  test('writes a block’s text as soon as it may', () => {
    const stream = openMessageStream(context);
    stream.write(started);
    assert.equal(stream.write(open(0, { type: 'text' })), '');
    assert.match(stream.write(add(0, 'a')), /content_block_start[\s\S]*"text":"a"/);
    assert.match(stream.write(open(1, tool('x'))), /^$/);
    assert.equal(stream.write(add(1, '{}')), '');
    assert.match(stream.write(add(0, 'b')), /"text":"b"/);
    assert.match(stream.write(close(0)), /content_block_stop[\s\S]*tool_use[\s\S]*"partial_json":"\{\}"/);
  });

  test('ends also without usage, and with blocks that nobody closed', () => {
    const text = write([started, open(0, { type: 'text' }), add(0, 'a'), { type: 'end' }]);
    const events = wireEvents(text);
    assertGrammar(events);
    assert.equal(Object(events.at(-2)).usage.output_tokens, 0);
  });

  test('has no other choice than the first, no second start, no pings of its own', () => {
    const text = write([
      started,
      { type: 'start', id: 'msg_2', model: 'other-model' },
      { type: 'ping' },
      { type: 'block-start', index: 0, choice: 1, block: { type: 'text' } },
      add(0, 'other'),
      { type: 'stop', choice: 1, stop: { kind: 'length' } },
      ...ended('end'),
    ]);
    assert.deepEqual(
      wireEvents(text).map((event) => event.type),
      ['message_start', 'message_delta', 'message_stop'],
    );
  });

  test('never gives a call a null, and gives free text as an object', () => {
    const text = write([
      started,
      open(0, tool('a')),
      add(0, 'nu'),
      add(0, 'll'),
      close(0),
      open(1, { ...tool('b'), kind: 'custom' } as BlockStart),
      add(1, 'lift "4"'),
      close(1),
      ...ended('tool'),
    ]);
    const inputs = wireEvents(text).flatMap(({ delta }) => delta?.['partial_json'] ?? []);
    assert.deepEqual(inputs, ['', '{"input":"lift \\"4\\""}']);
  });

  test('is ended by an error, with nothing after it', () => {
    const error = new GatewayError('upstream_overloaded', 'Busy.');
    const events = wireEvents(
      write([started, open(0, { type: 'text' }), add(0, 'a'), { type: 'error', error }]),
    );
    assert.deepEqual(events.at(-1), {
      type: 'error',
      error: { type: 'overloaded_error', message: 'Busy.' },
      request_id: 'req_1',
    });
  });

  test('holds back no more than a bound', () => {
    const stream = openMessageStream(context);
    for (const event of [started, open(0, tool('a')), open(1, tool('b'))]) stream.write(event);
    const piece = 'x'.repeat(20 * 1024 * 1024);
    stream.write(add(1, piece));
    assert.throws(() => stream.write(add(1, piece)), /without end/);
  });
});

describe('Anthropic’s SDK', () => {
  let server: Server;
  let client: Anthropic;
  let reply = '';

  before(async () => {
    server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      // Two writes, so that the SDK meets a boundary in the middle of an event.
      response.write(reply.slice(0, reply.length / 2));
      response.end(reply.slice(reply.length / 2));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // listening on a port, so it is one
    client = new Anthropic({ apiKey: 'k', baseURL: `http://127.0.0.1:${port}`, maxRetries: 0 });
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const ask = (text: string) => {
    reply = text;
    return client.messages
      .stream({ model: 'route', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] })
      .finalMessage();
  };

  test('puts thinking, parallel calls and usage together', async () => {
    const message = await ask(write(busy));
    assert.deepEqual(JSON.parse(JSON.stringify(message.content)), [
      { type: 'thinking', thinking: 'Two cranes.', signature: 'c2ln' },
      { type: 'tool_use', id: 'a', name: 'find_crane', input: { pier: 4 } },
      { type: 'tool_use', id: 'b', name: 'find_crane', input: { pier: 5 } },
      { type: 'tool_use', id: 'c', name: 'find_crane', input: {} },
    ]);
    assert.equal(message.stop_reason, 'tool_use');
    assert.deepEqual(
      [message.usage.input_tokens, message.usage.cache_read_input_tokens, message.usage.output_tokens],
      [20, 10, 9],
    );
  });

  test('keeps text, citations, redacted thoughts and server tools', async () => {
    const citation = { type: 'page_location', cited_text: 'six', document_index: 0 };
    const raw = { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'tide' } };
    const message = await ask(
      write([
        started,
        open(0, { type: 'reasoning', redacted: true, carry: { family: 'anthropic', payload: 'cmVk' } }),
        close(0),
        open(1, { type: 'opaque', protocol: 'anthropic-messages', raw }),
        close(1),
        open(2, { type: 'text' }),
        add(2, 'Grüße 🚢'),
        { type: 'block-citation', index: 2, citation },
        close(2),
        ...ended('end'),
      ]),
    );
    assert.deepEqual(JSON.parse(JSON.stringify(message.content)), [
      { type: 'redacted_thinking', data: 'cmVk' },
      raw,
      { type: 'text', text: 'Grüße 🚢', citations: [citation] },
    ]);
  });

  test('gives back what another family wants back', async () => {
    const carry: Carry = { family: 'gemini', payload: 'dGhvdWdodA==' };
    const message = await ask(
      write([
        started,
        open(0, { ...tool('a'), carry } as BlockStart),
        add(0, '{"pier":4}'),
        close(0),
        open(1, { type: 'text' }),
        add(1, 'Done.'),
        carried(1, carry),
        close(1),
        ...ended('end'),
      ]),
    );
    assert.deepEqual(decodeContent(JSON.parse(JSON.stringify(message.content)), 'messages.0.content'), [
      { type: 'tool-call', kind: 'function', id: 'a', name: 'find_crane', arguments: '{"pier":4}', carry },
      { type: 'text', text: 'Done.', carry },
    ]);
  });

  test('raises an error in the middle, and a cut', async () => {
    const half = [started, open(0, { type: 'text' }), add(0, 'Half')] as const;
    const error = new GatewayError('upstream_overloaded', 'Busy.');
    await assert.rejects(ask(write([...half, { type: 'error', error }])), /overloaded_error/);
    await assert.rejects(ask(write(half)));
  });
});
