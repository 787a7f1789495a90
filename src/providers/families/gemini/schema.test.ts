import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { convertSchema, isEmptyObjectSchema } from './schema.ts';

type Schema = Readonly<Record<string, unknown>>;

function convert(schema: Schema): { readonly out: unknown; readonly notes: readonly string[] } {
  const notes = new Set<string>();
  const before = JSON.stringify(schema);
  const out = convertSchema(schema, (keyword) => notes.add(keyword));
  assert.equal(JSON.stringify(schema), before, 'the caller’s schema was changed');
  return { out, notes: [...notes] };
}

const table: readonly (readonly [string, Schema, unknown, readonly string[]])[] = [
  ['a type is named in capitals', { type: 'string' }, { type: 'STRING' }, []],
  [
    'a null beside a type is nullable',
    { type: ['integer', 'null'] },
    { type: 'INTEGER', nullable: true },
    [],
  ],
  [
    'several types are alternatives',
    { type: ['string', 'number'], description: 'either' },
    { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }], description: 'either' },
    [],
  ],
  ['a const is an enum of one', { const: 'bow' }, { type: 'STRING', enum: ['bow'] }, []],
  ['null leaves an enum', { enum: ['bow', null] }, { type: 'STRING', enum: ['bow'], nullable: true }, []],
  [
    'numbers in an enum keep their type and are told in words',
    { type: 'integer', enum: [1, 2], description: 'Pier.' },
    { type: 'INTEGER', description: 'Pier. One of: 1, 2.' },
    ['enum'],
  ],
  [
    'oneOf with null is nullable',
    { oneOf: [{ type: 'string' }, { type: 'null' }] },
    { type: 'STRING', nullable: true },
    [],
  ],
  [
    'anyOf stays',
    { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    { anyOf: [{ type: 'STRING' }, { type: 'INTEGER' }] },
    [],
  ],
  [
    'allOf is one schema',
    {
      allOf: [
        { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
        { properties: { b: { type: 'boolean' } } },
      ],
    },
    { type: 'OBJECT', properties: { a: { type: 'STRING' }, b: { type: 'BOOLEAN' } }, required: ['a'] },
    [],
  ],
  ['an array says what it holds', { type: 'array' }, { type: 'ARRAY', items: { type: 'STRING' } }, []],
  [
    'counts are strings, as 64-bit integers are in Google’s JSON',
    { type: 'array', items: { type: 'string', maxLength: 4 }, minItems: 1 },
    { type: 'ARRAY', items: { type: 'STRING', maxLength: '4' }, minItems: '1' },
    [],
  ],
  [
    'exclusive bounds of integers are shifted',
    { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 10 },
    { type: 'INTEGER', minimum: 1, maximum: 9 },
    [],
  ],
  [
    'exclusive bounds of numbers are loosened',
    { type: 'number', exclusiveMinimum: 0 },
    { type: 'NUMBER', minimum: 0 },
    ['exclusiveMinimum'],
  ],
  ['an unknown format goes', { type: 'string', format: 'email' }, { type: 'STRING' }, ['format']],
  [
    'a known format stays',
    { type: 'string', format: 'date-time' },
    { type: 'STRING', format: 'date-time' },
    [],
  ],
  [
    'notes that constrain nothing go silently',
    {
      $schema: 'x',
      $id: 'y',
      title: 't',
      default: 1,
      additionalProperties: false,
      type: 'object',
      properties: { a: {} },
    },
    { type: 'OBJECT', properties: { a: {} } },
    [],
  ],
  [
    'what cannot be said is told',
    { type: 'object', patternProperties: {}, not: {} },
    { type: 'OBJECT' },
    ['patternProperties', 'not'],
  ],
  [
    'a property may be named like a keyword',
    {
      type: 'object',
      properties: {
        $ref: { type: 'string' },
        title: { type: 'string' },
        additionalProperties: { type: 'boolean' },
      },
      required: ['$ref', 'gone'],
    },
    {
      type: 'OBJECT',
      properties: {
        $ref: { type: 'STRING' },
        title: { type: 'STRING' },
        additionalProperties: { type: 'BOOLEAN' },
      },
      required: ['$ref'],
    },
    [],
  ],
  [
    'a reference is inlined, and what stands beside it wins',
    {
      type: 'object',
      properties: { at: { $ref: '#/$defs/a~1b', description: 'here' } },
      $defs: { 'a/b': { type: 'string', description: 'there' } },
    },
    { type: 'OBJECT', properties: { at: { type: 'STRING', description: 'here' } } },
    [],
  ],
  [
    'a reference that leads nowhere is cut',
    { $ref: 'https://example.com/s.json' },
    { type: 'OBJECT' },
    ['$ref'],
  ],
];

describe('JSON Schema in Gemini’s subset', () => {
  for (const [name, schema, expected, notes] of table) {
    test(name, () => {
      const { out, notes: seen } = convert(schema);
      assert.deepEqual(out, expected);
      assert.deepEqual(seen, notes);
    });
  }

  test('a recursive type is unrolled a few times, then cut', () => {
    const { out, notes } = convert({
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: {
            value: { type: 'string' },
            children: { type: 'array', items: { $ref: '#/$defs/node' } },
          },
        },
      },
    });
    const text = JSON.stringify(out);
    assert.equal(text.match(/"value"/g)?.length, 3);
    assert.match(text, /"items":\{"type":"OBJECT"\}/);
    assert.deepEqual(notes, ['$ref']);
  });

  test('a schema that points at itself alone comes to an end', () => {
    const { out, notes } = convert({ $ref: '#' });
    assert.deepEqual(out, { type: 'OBJECT' });
    assert.deepEqual(notes, ['$ref']);
  });

  test('references that fan out do not grow without end', () => {
    const $defs: Record<string, unknown> = { l40: { type: 'string' } };
    for (let level = 0; level < 40; level++) {
      const next = { $ref: `#/$defs/l${level + 1}` };
      $defs[`l${level}`] = { type: 'object', properties: { a: next, b: next, c: next } };
    }
    const { out, notes } = convert({ $ref: '#/$defs/l0', $defs });
    assert.ok(JSON.stringify(out).length < 2_000_000);
    assert.deepEqual(notes, ['$ref']);
  });

  test('an object without members is known as empty', () => {
    assert.equal(isEmptyObjectSchema({}), true);
    assert.equal(isEmptyObjectSchema({ type: 'object', properties: {}, additionalProperties: false }), true);
    assert.equal(isEmptyObjectSchema({ type: 'object', properties: { a: {} } }), false);
    assert.equal(isEmptyObjectSchema({ $ref: '#/$defs/a' }), false);
  });
});
