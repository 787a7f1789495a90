import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFastClock } from './clock.ts';

test('fast time fires in order, by time and then by when it was set, and cancels', async () => {
  const clock = createFastClock(1_000, 500);
  try {
    const fired: string[] = [];
    clock.after(300, () => fired.push('late'));
    clock.after(100, () => fired.push('first'));
    clock.after(100, () => fired.push('second'));
    clock.after(200, () => fired.push('never'))();
    clock.after(50, () => clock.after(100, () => fired.push('nested')));
    await clock.sleep(400);
    assert.deepEqual(fired, ['first', 'second', 'nested', 'late']);
    assert.ok(clock.now() >= 1_400);
  } finally {
    clock.stop();
  }
});

test('fast time stands still while the process is busy', async () => {
  const clock = createFastClock(0, 100);
  try {
    await clock.sleep(100);
    const before = clock.now();
    const until = performance.now() + 80;
    while (performance.now() < until);
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(clock.now() - before < 2_000, `${clock.now() - before} ms went by`);
  } finally {
    clock.stop();
  }
});
