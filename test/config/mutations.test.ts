/** A file that somebody broke by chance must be judged, never make the loader fail, and every problem must be complete. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadText } from '../../src/config/load.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { faultPlanSchema } from '../../src/simulator/faults.ts';
import { createFakeClock } from '../support/clock.ts';

const text = readFileSync(new URL('../../config/demo.yaml', import.meta.url), 'utf8');
const world = {
  registry: providerTypes,
  env: {},
  clock: createFakeClock(),
  simulatorSchema: faultPlanSchema,
};

const scrap = fc.constantFrom(
  '',
  ' ',
  '\t',
  '\n',
  ':',
  ': ',
  '- ',
  '[',
  ']',
  '{',
  '}',
  '"',
  "'",
  '*',
  '&a',
  '<<: ',
  '${',
  '}',
  '@batch',
  '#',
  '!x ',
  '|',
  '0',
  'null',
  '\u0000',
  '🌊',
);
const mutation = fc.record({ at: fc.nat(text.length), drop: fc.nat(12), put: scrap });

test('the loader survives whatever is done to a file', () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      let broken = text;
      for (const { at, drop, put } of mutations) broken = broken.slice(0, at) + put + broken.slice(at + drop);
      const loaded = loadText('gateway.yaml', broken, world);
      if (loaded.ok) return;
      const lines = broken.split(/\r\n|\n|\r/).length;
      assert.ok(loaded.problems.length > 0);
      for (const { line, column, message, fix } of loaded.problems) {
        assert.ok(line >= 1 && line <= lines + 1 && column >= 1);
        assert.ok(message.length > 0 && !message.endsWith('.'), message);
        assert.match(fix, /[.?]$/);
      }
    }),
    { numRuns: 150 },
  );
});
