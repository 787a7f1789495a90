import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../core/errors.ts';
import type { Emit, StreamEvent } from '../core/event.ts';
import type { FrameDecoder } from '../core/stream.ts';
import { createSseSplitter, parseSseBlock } from './sse.ts';
import { readSse, relaySse } from './sse-stream.ts';

/** A family of three words: {"text":…} adds text, {"extra":true} is not the caller's, [DONE] ends; all else is malformed. */
function family(seen: string[] = []): FrameDecoder {
  let started = false;
  return {
    frame(frame, emit: Emit) {
      seen.push(frame.data);
      if (frame.data === '[DONE]') return emit({ type: 'end' });
      let value: { text?: string; extra?: boolean };
      try {
        value = JSON.parse(frame.data);
      } catch (cause) {
        throw new GatewayError('upstream_malformed', 'unreadable', { cause });
      }
      if (!started) emit({ type: 'block-start', index: 0, block: { type: 'text' } });
      started = true;
      if (value.text !== undefined) emit({ type: 'block-delta', index: 0, text: value.text });
    },
    finish() {},
  };
}

function collect(bytes: Buffer, cuts: readonly number[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const reader = readSse(family());
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    reader.push(bytes.subarray(from, cut), (event) => events.push(event));
    from = cut;
  }
  reader.finish((event) => events.push(event));
  return events;
}

const textOf = (events: readonly StreamEvent[]): string =>
  events.map((event) => (event.type === 'block-delta' ? event.text : '')).join('');

const sample = (newline: string): Buffer =>
  Buffer.from(
    [
      ': hello',
      '',
      'data: {"text":"gr\u00fc\u00dfe \ud83d\ude80"}',
      '',
      'event: x',
      'data:{"text":',
      'data: "zwei"}',
      'id: 7',
      '',
      'data: [DONE]',
      '',
      '',
    ].join(newline),
  );

describe('reading SSE', () => {
  for (const [name, newline] of [
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ] as const) {
    test(`gives the same events at every cut, with ${name}`, () => {
      const bytes = sample(newline);
      const whole = collect(bytes, []);
      assert.equal(textOf(whole), 'grüße 🚀zwei');
      assert.equal(whole.at(-1)?.type, 'end');
      for (let cut = 1; cut < bytes.length; cut++)
        assert.deepEqual(collect(bytes, [cut]), whole, `cut at ${cut}`);
      assert.deepEqual(collect(bytes, [...bytes.keys()].slice(1)), whole, 'byte by byte');
    });
  }

  test('a clean close without a terminal event is an error', () => {
    const events = collect(Buffer.from('data: {"text":"a"}\n\n'), []);
    const last = events.at(-1);
    assert.equal(last?.type === 'error' && last.error.code, 'upstream_truncated');
  });

  test('an event without its last blank line still counts', () => {
    assert.equal(collect(Buffer.from('data: {"text":"a"}\n\ndata: [DONE]'), []).at(-1)?.type, 'end');
  });

  test('a cut inside the last event is a truncation, not a malformed event', () => {
    assert.throws(() => collect(Buffer.from('data: {"text":"a"}\n\ndata: {"te'), []), {
      code: 'upstream_truncated',
    });
  });

  test('bare JSON is data, and other stray lines are nothing', () => {
    assert.deepEqual(parseSseBlock('{"error":{}}\n\n'), { name: '', data: '{"error":{}}' });
    assert.equal(parseSseBlock(': ping\n\n'), undefined);
    assert.equal(parseSseBlock('retry: 10\n\n'), undefined);
  });

  test('an event over the limit is refused, however it trickles in', () => {
    const splitter = createSseSplitter(100);
    assert.throws(
      () => {
        for (let index = 0; index < 200; index++) splitter.push(Buffer.from('x'));
      },
      { code: 'upstream_malformed' },
    );
    const lines = createSseSplitter(100);
    assert.throws(
      () => {
        for (let index = 0; index < 200; index++) lines.push(Buffer.from('x\n'));
      },
      { code: 'upstream_malformed' },
    );
  });
});

describe('relaying SSE', () => {
  const chunk = (text: string, noise = 'abc'): string =>
    `data: {"id":"1","text":${JSON.stringify(text)},"noise":"${noise}"}\n\n`;
  const stream = [
    chunk('first'),
    chunk('second', 'x'),
    chunk('with "quotes"'),
    'data: {"extra":true}\n\n',
    chunk('ünï'),
    chunk('last', 'yy'),
    'data: [DONE]\n\n',
  ];

  function relay(text: string, cut: number, parsed: string[] = []) {
    const events: StreamEvent[] = [];
    const through = relaySse(family(parsed), { drop: (data) => data.includes('"extra"'), noise: ['noise'] });
    const bytes = Buffer.from(text);
    const out = [
      through.push(bytes.subarray(0, cut), (e) => events.push(e)),
      through.push(bytes.subarray(cut), (e) => events.push(e)),
      through.finish((e) => events.push(e)),
    ];
    return { text: Buffer.concat(out.filter((one) => one !== undefined)).toString(), events };
  }

  test('forwards every byte but the dropped event, at every cut', () => {
    const wanted = stream.filter((block) => !block.includes('extra')).join('');
    const bytes = Buffer.from(stream.join(''));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { text, events } = relay(stream.join(''), cut);
      assert.equal(text, wanted, `cut at ${cut}`);
      assert.equal(events.at(-1)?.type, 'end');
    }
  });

  test('parses only what differs from the last delta in more than its text', () => {
    const parsed: string[] = [];
    relay(
      [
        ...Array.from({ length: 50 }, (_, index) => chunk(`word${index}`, `n${index}`)),
        'data: [DONE]\n\n',
      ].join(''),
      0,
      parsed,
    );
    // The first opens the block, the second is learnt from, the last ends the stream.
    assert.equal(parsed.length, 3);
  });

  test('counts the text that it did not parse, so that what was seen of a broken answer is known', () => {
    const words = ['one', ' two', ' three', ' four'];
    const relay = relaySse(family());
    let told = 0;
    for (const text of words)
      relay.push(Buffer.from(`data: ${JSON.stringify({ text })}\n\n`), (event) => {
        if (event.type === 'block-delta') told += event.text.length;
      });
    assert.ok(relay.skippedChars > 0);
    assert.equal(told + relay.skippedChars, words.join('').length);
  });

  test('a malformed event that looks like a delta is still found', () => {
    for (const bad of [
      'data: {"id":"1","text":"a"b","noise":"abc"}\n\n',
      'data: {"id":"1","text":"a\u0007","noise":"abc"}\n\n',
      'data: {"id":"1","text":"a\\","noise":"abc"}\n\n',
      'data: {"id":"1","text":"a","noise":"abc"\n\n',
    ]) {
      assert.throws(() => relay(chunk('good') + bad, 0), { code: 'upstream_malformed' }, bad);
    }
  });

  test('never forwards half an event', () => {
    const through = relaySse(family());
    const bytes = Buffer.from(chunk('a'));
    for (let at = 0; at < bytes.length - 1; at++)
      assert.equal(
        through.push(bytes.subarray(at, at + 1), () => {}),
        undefined,
      );
    assert.equal(
      Buffer.from(through.push(bytes.subarray(bytes.length - 1), () => {}) ?? []).toString(),
      chunk('a'),
    );
  });
});
