import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brokenConfigs, told, wanted } from './broken.ts';

describe('a broken config says what is wrong, where, and what would be right', () => {
  for (const broken of brokenConfigs) test(broken.name, () => assert.deepEqual(told(broken), wanted(broken)));

  test('in at least 130 ways, each told in full', () => {
    assert.ok(brokenConfigs.length >= 130);
    assert.equal(new Set(brokenConfigs.map((broken) => broken.name)).size, brokenConfigs.length);
    for (const line of brokenConfigs.flatMap(wanted))
      assert.match(line, /^gateway\.yaml:\d+:\d+.*: .+\. .+[.?]$/);
  });

  test('and never shows a secret', () => {
    const secrets = ['sk-live-4711', '4711', 'hunter2'];
    for (const line of brokenConfigs.flatMap(told))
      for (const secret of secrets) assert.ok(!line.includes(secret), line);
  });
});
