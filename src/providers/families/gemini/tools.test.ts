import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createToolNames } from './tools.ts';

const rule = /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/;

describe('tool names', () => {
  test('a name that Gemini takes goes as it is', () => {
    const names = createToolNames();
    for (const name of ['tide', '_tide', 'mcp.harbour:tide-2', 'a'.repeat(64)])
      assert.equal(names.toWire(name, 'function'), name);
  });

  test('any name becomes one that Gemini takes, and comes back', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 150 }),
        fc.constantFrom('function', 'custom'),
        (name, kind) => {
          const names = createToolNames();
          const wire = names.toWire(name, kind);
          assert.match(wire, rule);
          assert.deepEqual(names.fromWire(wire), { name, kind });
        },
      ),
    );
  });

  test('the same name is sent in every turn and on every replica', () => {
    assert.equal(
      createToolNames().toWire('1st mate/søk', 'function'),
      createToolNames().toWire('1st mate/søk', 'function'),
    );
  });

  test('two tools never meet in one name', () => {
    const names = createToolNames();
    const first = names.toWire('pier a', 'function');
    const second = names.toWire('pier/a', 'function');
    // A tool that is already named like the mark of another.
    const third = names.toWire(first, 'function');
    const custom = names.toWire('pier a', 'custom');
    assert.equal(new Set([first, second, third, custom, 'pier_a']).size, 5);
    assert.deepEqual(names.fromWire(first), { name: 'pier a', kind: 'function' });
    assert.deepEqual(names.fromWire(third), { name: first, kind: 'function' });
    assert.deepEqual(names.fromWire(custom), { name: 'pier a', kind: 'custom' });
  });

  test('a name that was never sent comes back as it is', () => {
    assert.deepEqual(createToolNames().fromWire('made_up'), { name: 'made_up', kind: 'function' });
  });

  test('memory is bounded, and the names in use are the ones kept', () => {
    const names = createToolNames();
    const used = names.toWire('in use', 'function');
    const idle = names.toWire('idle tool', 'function');
    for (let index = 0; index < 20_000; index++) {
      names.toWire(`tool ${index}`, 'function');
      if (index % 1000 === 0) names.toWire('in use', 'function');
    }
    assert.equal(names.fromWire(used).name, 'in use');
    assert.equal(names.fromWire(idle).name, idle);
  });
});
