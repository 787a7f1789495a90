import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from './scratch.ts';

test('a scratch folder of a process that is dead is removed at start; those of others stay', () => {
  const parent = mkdtempSync(join(tmpdir(), 'scratch-test-'));
  try {
    const dead = spawnSync(process.execPath, ['--version']).pid;
    // In a container the process before may have had our own number.
    const gone = [`intermodal-here-${dead}-abc`, `intermodal-here-${process.pid}-before`];
    const kept = [`intermodal-here-${process.ppid}-abc`, `intermodal-there-${dead}-abc`, 'intermodal-blobs'];
    for (const name of [...gone, ...kept]) {
      mkdirSync(join(parent, name));
      writeFileSync(join(parent, name, 's00000000001'), 'lines');
    }
    const folder = openScratch(parent, 'now', 'here');
    const own = `intermodal-here-${process.pid}-now`;
    assert.equal(folder, join(parent, own));
    openScratch(parent, 'now', 'here');
    assert.deepEqual(readdirSync(parent).sort(), [...kept, own].sort());
  } finally {
    rmSync(parent, { recursive: true });
  }
});
