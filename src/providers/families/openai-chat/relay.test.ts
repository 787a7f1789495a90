import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StreamEvent } from '../../../core/event.ts';
import { codecOf, fixture } from './fixtures/streams.ts';

describe('relays', () => {
  function relay(bytes: Buffer, streamUsage: boolean, step = bytes.length) {
    const events: StreamEvent[] = [];
    const opened = codecOf().openRelay({ stream: true, streamUsage, headers: {} });
    const out: Uint8Array[] = [];
    const emit = (one: StreamEvent): void => {
      events.push(one);
    };
    for (let at = 0; at < bytes.length; at += step)
      out.push(opened.push(bytes.subarray(at, at + step), emit) ?? new Uint8Array());
    out.push(opened.finish(emit) ?? new Uint8Array());
    return { text: Buffer.concat(out).toString(), events };
  }

  test('pass every byte on, in pieces of any size', () => {
    const bytes = fixture('stream-azure');
    for (const step of [1, 7, 64, bytes.length]) {
      const { text, events } = relay(bytes, true, step);
      assert.equal(text, bytes.toString());
      assert.equal(events.at(-1)?.type, 'end');
    }
  });

  test('keep the usage chunk that the caller did not ask for, spaces or not, and read it', () => {
    const text = fixture('stream-azure').toString();
    const spaced = text.replaceAll('"choices":[]', '"choices": [ ]').replace('"usage":{', '"usage": {');
    for (const variant of [text, spaced]) {
      const { text: out, events } = relay(Buffer.from(variant), false);
      const wanted = variant.split('\r\n\r\n').filter((one) => !one.includes('"usage"'));
      assert.equal(out, wanted.join('\r\n\r\n'));
      assert.ok(events.some((one) => one.type === 'usage' && one.usage.inputTokens === 31));
    }
  });

  test('add the [DONE] that the server left out, and only to an answer that ended', () => {
    const bytes = fixture('stream-choices');
    assert.equal(relay(bytes, true).text, `${bytes.toString()}data: [DONE]\n\n`);
    const cut = bytes.subarray(0, bytes.indexOf('\n\n') + 2);
    const { text, events } = relay(cut, true);
    assert.equal(text, cut.toString());
    assert.equal(events.at(-1)?.type, 'error');
  });

  test('hold an error back, so that the caller gets it in its own shape', () => {
    const { text, events } = relay(fixture('stream-error'), true);
    assert.doesNotMatch(text, /filtered/);
    const last = events.at(-1);
    assert.ok(last?.type === 'error' && last.error.code === 'content_blocked');
  });
});
