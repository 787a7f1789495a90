import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { SlidingFigures } from '../router/canary/figures.ts';
import { CanaryNotes } from '../router/canary/notes.ts';
import { openStores } from '../stores/open.ts';
import { load } from './load.ts';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'intermodal-canary-'));
after(() => rmSync(folder, { recursive: true }));
const config = join(folder, 'config.yaml');
const store = join(folder, 'store.db');
writeFileSync(
  config,
  `store: ${store}
providers:
  openai: { type: openai, api_key: k }
routes:
  assistant:
    chain: [openai/gpt-4.1-mini]
    canary: { chain: openai/gpt-4.1, phases: [{ share: 5%, for: 1d }, { share: 100%, for: 1d }], gates: { error_rate: 2% } }
  plain: { chain: [openai/gpt-4.1-mini] }
`,
);

function canary(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['src/main.ts', 'canary', ...options, '--config', config],
    { cwd: root, encoding: 'utf8' },
  );
  return { status, stdout, stderr };
}

/** As a gateway would leave it, that has counted a while. */
async function leave(): Promise<void> {
  const loaded = load(config);
  assert.ok(loaded.ok);
  const own = loaded.policy.routes.find(({ name }) => name === 'assistant')?.canary;
  assert.ok(own);
  const nowMs = Date.now();
  const record = { id: own.id, startedAtMs: nowMs };
  const counted = new SlidingFigures(own.gates.windowMs);
  for (let at = 0; at < 200; at++) {
    const arm = at % 2 === 0 ? 'canary' : 'usual';
    counted.add({ arm, failed: false, durationMs: 1_000, costNanoUsd: 2_000_000 }, nowMs);
  }
  const stores = await openStores(store);
  const notes = new CanaryNotes(stores.notes);
  await notes.change('assistant', own.id, nowMs, () => record);
  await notes.share({
    route: 'assistant',
    record,
    windowMs: own.gates.windowMs,
    replica: 'gw_1',
    own: { canary: counted.figures('canary', nowMs), usual: counted.figures('usual', nowMs) },
    nowMs,
  });
  await stores.close();
}

describe('intermodal canary', () => {
  test('needs a store that is there', () => {
    const { status, stderr } = canary('status');
    assert.equal(status, 1);
    assert.match(stderr, /There is no store at/);
  });

  test('tells phases, both sides and gates', async () => {
    await leave();
    const { status, stdout, stderr } = canary('status');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^assistant: phase 1 of 2, 5 % of requests$/m);
    assert.match(stdout, /^1 {6}5 % {4}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}now$/m);
    assert.match(stdout, /^canary {2}100 {7}0 {7}1\d{3} ms {2}\$0\.00200$/m);
    assert.match(stdout, /^error_rate {2}2 % more {2}holds$/m);
  });

  test('rolls back, promotes and begins again', () => {
    const back = canary('rollback', 'assistant', '--why', 'not before Monday', '--json');
    assert.equal(back.status, 0, back.stderr);
    const [told] = JSON.parse(back.stdout);
    assert.deepEqual([told.state, told.share, told.why], ['rolled-back', 0, 'not before Monday']);
    assert.match(canary('promote', 'assistant').stdout, /^assistant: through, 100 % of requests$/m);
    assert.match(canary('restart', 'assistant').stdout, /^assistant: phase 1 of 2, 5 % of requests$/m);
  });

  test('says which routes have one', () => {
    const { status, stderr } = canary('restart', 'plain');
    assert.equal(status, 1);
    assert.match(
      stderr,
      /No route "plain" has a canary\. (?:These have: assistant|Did you mean "assistant"\?)/,
    );
  });
});
