import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { OutputFormat } from '../core/request.ts';
import { checkAnswer, schemaProblem } from './check.ts';

const json: OutputFormat = { kind: 'json' };
const withSchema = (schema: Readonly<Record<string, unknown>>): OutputFormat => ({ kind: 'schema', schema });
const label = withSchema({
  type: 'object',
  properties: { label: { type: 'string' }, score: { type: 'number' } },
  required: ['label'],
  additionalProperties: false,
});

describe('an answer', () => {
  test('that need only be text is good', () => {
    assert.deepEqual(checkAnswer('{ oops', { kind: 'text' }), { kind: 'good' });
  });

  test('that is the JSON asked for is good as it stands', () => {
    for (const text of ['{"label":"a"}', '\n {"label":"a","score":1e3} \n'])
      assert.equal(checkAnswer(text, label).kind, 'good');
    assert.equal(checkAnswer('[1,2]', json).kind, 'good');
    assert.equal(checkAnswer('"a"', withSchema({ type: 'string' })).kind, 'good');
  });

  const mended: readonly (readonly [string, string, string])[] = [
    ['in a fence', '```json\n{"label":"a"}\n```', '{"label":"a"}'],
    ['in a fence without a name', '```\n{"label":"a"}```', '{"label":"a"}'],
    ['after a preamble with a bracket', 'Here [as asked] is {"label":"a"}', '{"label":"a"}'],
    ['before closing words', '{"label":"a"}\n\nLet me know {if} more is needed!', '{"label":"a"}'],
    ['after thoughts that hold a draft', '<think>{"label":"draft"}</think>{"label":"a"}', '{"label":"a"}'],
    ['after thoughts that were not opened', 'It may be b. </think>\n{"label":"a"}', '{"label":"a"}'],
    ['given twice alike', '{"label":"a"}\nSo: {"label": "a"}', '{"label": "a"}'],
    ['beside a footnote', 'As in [1]: {"label":"a"}', '{"label":"a"}'],
    ['in quotes as a text', '"{\\"label\\":\\"a\\"}"', '{"label":"a"}'],
    ['with single quotes', "{'label': 'a'}", '{"label": "a"}'],
    ['with names and words bare', '{label: positive}', '{"label": "positive"}'],
    ['with commas too many', '{"label":"a",}', '{"label":"a"}'],
    ['with its last bracket missing', '{"label":"a"', '{"label":"a"}'],
    ['with its last bracket missing, in a fence', '```json\n{"label":"a"\n```', '{"label":"a"}'],
    ['with a line end in a text', '{"label":"a\nb"}', '{"label":"a\\nb"}'],
    ['with brackets in its texts', 'x {"label":"}{\\"]["} y', '{"label":"}{\\"]["}'],
    ['behind an order mark', '\ufeff{"label":"a"}', '{"label":"a"}'],
  ];
  for (const [name, text, wanted] of mended) {
    test(`is mended: ${name}`, () => {
      assert.deepEqual(checkAnswer(text, label), { kind: 'repaired', text: wanted });
      assert.equal(checkAnswer(wanted, label).kind, 'good');
    });
  }

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['prose', 'I cannot help with that.', /holds no JSON/],
    ['nothing', '', /holds no JSON/],
    ['a word', 'null', /must be object/],
    ['another form', '{"label":7}', /does not fit the schema: \/label must be string/],
    ['a member too many', '{"label":"a","why":1}', /NOT have additional properties \("why"\)/],
    ['two different answers', '{"label":"a"} or {"label":"b"}', /several different values/],
    ['an answer and half another', '{"label":"a"}\n{"label":"b', /cut off/],
    ['thoughts without end', '<think>perhaps {"label":"a"}', /holds no JSON/],
    ['an end inside a text', '{"label":"a', /cut off/],
    ['an end inside a number', '{"label":"a","score":1', /cut off/],
    ['an end after a comma', '{"label":"a",', /cut off/],
    ['an inner object whole, the outer cut off', '{"x":{"label":"a"},"y":"', /cut off/],
    ['an end after a name', '{"label":"a","score"', /cut off/],
    ['an end after a text of a list', '{"label":["a"', /cut off/],
    ['NaN', '{"label":"a","score":NaN}', /a number/],
    ['infinity', '{"label":"a","score":-Infinity}', /a number/],
    ['undefined', '{"label":undefined}', /a number/],
    ['a number of another language', '{"label":"a","score":1_000}', /a number/],
    ['leading noughts', "{'label':'a','score':007}", /a number/],
    ['what was left out', '{"label":"a",...}', /a number/],
  ];
  for (const [name, text, message] of refused) {
    test(`is wrong: ${name}`, () => {
      const checked = checkAnswer(text, label);
      assert.equal(checked.kind, 'wrong');
      assert.match(checked.kind === 'wrong' ? checked.message : '', message);
    });
  }

  test('that is only JSON may be an object or a list, and no lone word', () => {
    assert.equal(checkAnswer('Sure: [1, 2]', json).kind, 'repaired');
    assert.equal(checkAnswer('"yes"', json).kind, 'wrong');
    assert.equal(checkAnswer('{"n": NaN}', json).kind, 'wrong');
    assert.equal(checkAnswer('{"NaN": 1, nan: 2}', json).kind, 'repaired');
  });

  test('with any words around it is found unchanged', () => {
    const words = fc.string({ maxLength: 40 }).map((text) => text.replace(/[{}[\]<>"']/g, ''));
    const value = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 });
    fc.assert(
      fc.property(words, value, words, (before, object, after) => {
        const text = JSON.stringify(object);
        const checked = checkAnswer(`x${before}${text}${after}`, json);
        assert.deepEqual(checked, { kind: 'repaired', text });
      }),
    );
  });

  test('that is cut anywhere never becomes another answer', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 2 });
    fc.assert(
      fc.property(value, fc.nat(), (object, cut) => {
        const text = JSON.stringify(object);
        const checked = checkAnswer(text.slice(0, 1 + (cut % (text.length - 1))), json);
        // Whole members may be missing at the end, where only brackets are; no value may be another than it was.
        if (checked.kind === 'repaired') assertPart(JSON.parse(checked.text), JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('of any letters is judged, never thrown at', () => {
    const letters = fc.constantFrom(
      ...'{}[]",:\'`/*<>think-.0e NaN\\u\n'.split(''),
      'null',
      '</think>',
      '```',
    );
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 60 }), (parts) => {
        const checked = checkAnswer(parts.join(''), json);
        if (checked.kind === 'repaired') JSON.parse(checked.text);
      }),
      { numRuns: 3000 },
    );
  });

  test('of a megabyte of brackets is judged in a moment', () => {
    const started = process.hrtime.bigint();
    for (const text of [
      '[ '.repeat(500_000),
      '[x'.repeat(500_000),
      '{'.repeat(1_000_000),
      '{"a":'.repeat(9e4),
    ])
      assert.equal(checkAnswer(text, json).kind, 'wrong');
    assert.ok(Number(process.hrtime.bigint() - started) / 1e6 < 5_000);
  });
});

function assertPart(part: unknown, whole: unknown): void {
  if (typeof part !== 'object' || part === null || typeof whole !== 'object' || whole === null) {
    assert.deepEqual(part, whole);
    return;
  }
  const of = new Map(Object.entries(whole));
  for (const [name, value] of Object.entries(part)) assertPart(value, of.get(name));
}

describe('a schema', () => {
  test('may refer to itself, and to nothing else; nothing is fetched', () => {
    const tree = withSchema({
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: { of: { type: 'array', items: { $ref: '#/$defs/node' } } },
          required: ['of'],
        },
      },
    });
    assert.equal(schemaProblem(tree), undefined);
    assert.equal(checkAnswer('{"of":[{"of":[]}]}', tree).kind, 'good');
    assert.equal(checkAnswer('{"of":[{}]}', tree).kind, 'wrong');
    for (const schema of [
      { $ref: 'http://127.0.0.1:1/x' },
      { $ref: 'other.json#/a' },
      { $ref: '#/missing' },
      { $schema: 'http://json-schema.org/draft-99/schema#' },
      { $async: true },
      { type: 'strin' },
    ])
      assert.match(schemaProblem(withSchema(schema)) ?? '', /^The schema of the answer cannot be checked: /);
  });

  test('that cannot be checked does not make a good answer wrong', () => {
    const strange = withSchema({ $ref: 'http://127.0.0.1:1/x' });
    assert.equal(checkAnswer('{"a":1}', strange).kind, 'good');
    assert.equal(checkAnswer('prose', strange).kind, 'wrong');
  });

  test('with one id may come in two forms', () => {
    const of = (type: string): OutputFormat => withSchema({ $id: 'https://example.com/one', type });
    assert.equal(checkAnswer('{}', of('object')).kind, 'good');
    assert.equal(checkAnswer('{}', of('array')).kind, 'wrong');
    assert.equal(checkAnswer('{}', of('object')).kind, 'good');
  });

  test('is not changed, and many of them do not fill memory', () => {
    const schema = Object.freeze({ type: 'object', properties: Object.freeze({ a: { type: 'string' } }) });
    assert.equal(checkAnswer('{"a":1}', withSchema(schema)).kind, 'wrong');
    for (let number = 0; number < 200; number++) {
      const one = withSchema({ const: { number } });
      assert.equal(checkAnswer(`{"number":${number}}`, one).kind, 'good');
    }
    assert.equal(checkAnswer('{"a":1}', withSchema(schema)).kind, 'wrong');
  });

  test('of a hostile kind is bounded in size, depth and time', () => {
    const deep = (levels: number): Readonly<Record<string, unknown>> =>
      levels === 0 ? {} : { items: deep(levels - 1) };
    assert.match(schemaProblem(withSchema(deep(100))) ?? '', /nested over 64 levels/);
    assert.match(schemaProblem(withSchema({ enum: ['x'.repeat(300_000)] })) ?? '', /letters long/);
    assert.match(
      schemaProblem(withSchema({ allOf: Array.from({ length: 30_000 }, () => ({})) })) ?? '',
      /over 20000 parts/,
    );
    const evil = withSchema({ properties: { a: { pattern: '^(a+)+$' } } });
    assert.match(message(checkAnswer(`{"a":"${'a'.repeat(60)}b"}`, evil)), /took too long to check/);
    assert.equal(checkAnswer('{"a":"aaa"}', evil).kind, 'good');
    const laughs: Record<string, unknown> = { l0: { type: 'string' } };
    for (let level = 1; level < 30; level++) {
      laughs[`l${level}`] = { allOf: [{ $ref: `#/$defs/l${level - 1}` }, { $ref: `#/$defs/l${level - 1}` }] };
    }
    assert.equal(schemaProblem(withSchema({ $defs: laughs, type: 'object' })), undefined);
    const twice = {
      anyOf: [{ items: { $ref: '#/$defs/n' } }, { items: { $ref: '#/$defs/n' } }],
      minItems: 1,
    };
    const doubling = withSchema({ $ref: '#/$defs/n', $defs: { n: twice } });
    assert.match(
      message(checkAnswer(`${'['.repeat(60)}${']'.repeat(60)}`, doubling)),
      /took too long to check/,
    );
    const selfish = withSchema({ $ref: '#/$defs/n', $defs: { n: { items: { $ref: '#/$defs/n' } } } });
    const nest = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    assert.match(message(checkAnswer(nest, selfish)), /nested too deep/);
  });
});

function message(checked: ReturnType<typeof checkAnswer>): string {
  return checked.kind === 'wrong' ? checked.message : checked.kind;
}
