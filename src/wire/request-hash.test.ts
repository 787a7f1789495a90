import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import type { Json } from '../core/json.ts';
import { scanBody } from './json-scan.ts';
import { canonical, createHasher } from './request-hash.ts';

const hashOf = createHasher();
const of = (body: string, model = 'openai/gpt-4.1-nano'): string =>
  hashOf(model, scanBody(Buffer.from(body)));

describe('the canonical form', () => {
  test('is the library’s, of anything that JSON can say', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme', maxDepth: 6 }), (text) => {
        const value = JSON.parse(text) as Json;
        assert.equal(canonical(value), canonicalize(value));
      }),
      { numRuns: 2000 },
    );
  });

  test('orders names by UTF-16 code units at every depth, whole numbers among them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 4 }).filter((name) => name.isWellFormed())),
        (names) => {
          const inner = `{${names.map((name, at) => `${JSON.stringify(name)}:${at}`).join(',')}}`;
          const value = JSON.parse(`{"b":${inner},"10":[${inner}],"9":0,"__proto__":${inner}}`) as Json;
          assert.equal(canonical(value), canonicalize(value));
        },
      ),
    );
  });

  test('writes any double as the library does', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        assert.equal(canonical(number), canonicalize(number));
      }),
      { numRuns: 5000 },
    );
    for (const text of ['-0', '1e21', '1E400', '1e-7', '5e-324', '9007199254740993', '0.1', '1.0']) {
      const number = JSON.parse(text) as number;
      if (Number.isFinite(number)) assert.equal(canonical(number), canonicalize(number), text);
    }
    assert.equal(canonical(JSON.parse('-0') as number), '0');
  });

  test('keeps apart what the standard has no form for', () => {
    const strange = ['"\\ud800"', '"\\udc00"', '"\\ufffd"', '1e999', '-1e999', 'null', '"Infinity"'];
    const written = strange.map((text) => canonical(JSON.parse(text) as Json));
    assert.equal(new Set(written).size, strange.length);
  });
});

describe('a request’s hash', () => {
  test('is SHA-256 in base64url of the model and the canonical body', () => {
    const wanted = createHash('sha256').update('m\n{"input":"ä","n":1}').digest('base64url');
    assert.equal(of('{"n":1.0, "model":"cheap", "input":"\\u00e4"}', 'm'), wanted);
    assert.equal(wanted.length, 43);
  });

  test('is the same for the same words, however they are written', () => {
    const one = of('{"messages":[{"role":"user","content":"hi"}],"temperature":1}');
    assert.equal(of('{ "temperature": 1.0, "messages": [ {"content":"h\\u0069", "role":"user"} ] }'), one);
    assert.equal(of('\ufeff{"messages":[{"role":"user","content":"hi"}],"temperature":1e0}'), one);
  });

  test('does not look at who asks, or how the answer travels', () => {
    const plain = of('{"input":"x"}');
    for (const field of [
      '"model":"other"',
      '"stream":true',
      '"stream_options":{"include_usage":true}',
      '"background":true',
      '"user":"ann"',
      '"safety_identifier":"s"',
      '"metadata":{"user_id":"7"}',
      '"store":false',
      '"service_tier":"flex"',
      '"prompt_cache_key":"k"',
      '"prompt_cache_retention":"24h"',
    ]) {
      assert.equal(of(`{${field},"input":"x"}`), plain, field);
    }
  });

  test('looks at all else: the model, unknown fields, and the same names further down', () => {
    const bodies = [
      '{"input":"x"}',
      '{"input":"x","temperature":0}',
      '{"input":"x","temperature":null}',
      '{"input":"x","who_knows":1}',
      '{"input":{"user":"ann"}}',
      '{"input":{"user":"bob"}}',
      '{"input":{"model":"m"}}',
      '{"input":["x","y"]}',
      '{"input":["y","x"]}',
    ];
    const hashes = [...bodies.map((body) => of(body)), of('{"input":"x"}', 'openai/gpt-4.1-mini')];
    assert.equal(new Set(hashes).size, hashes.length);
  });

  test('of broken JSON below the top level is refused in words', () => {
    assert.throws(() => of('{"input":[tru]}'), /The body is not valid JSON/);
  });
});
