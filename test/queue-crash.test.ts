/** A gateway that is killed with SIGKILL while it works through its queue; `npm run bench queue` does it for longer. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startProgram } from '../bench/fleet/program.ts';
import { killAgainAndAgain } from '../bench/queue/kills.ts';

test('requests that wait are each answered once, and paid once or told of, however often their gateway is killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-queue-crash-'));
  const planFile = join(folder, 'plan.json');
  writeFileSync(planFile, JSON.stringify({ think_ms: 20, faults: [{ kind: 'outage', percent: 6 }] }));
  const simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
  try {
    let chance = 0;
    const random = (): number => (chance++ % 4) / 8;
    const quiet = (): void => {};
    const options = { folder, simulator, kills: 6, outstanding: 200, print: quiet, random };
    const found = await killAgainAndAgain(options);
    assert.deepEqual(found.problems, []);
    assert.equal(found.kills, 6);
    assert.ok(found.places >= 3, `only ${found.places} named places were met`);
    assert.ok(found.kept > 20);
  } finally {
    await simulator.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
