/** A gateway that is killed with SIGKILL along the batch road, and started again on the same store; `npm run bench crash` does it everywhere. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { adapters, plan } from '../bench/crash/adapters.ts';
import { audit, type BillLine } from '../bench/crash/bill.ts';
import { Campaign, type Played, type Variant } from '../bench/crash/campaign.ts';
import { type Program, startProgram } from '../bench/fleet/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'intermodal-crash-test-'));
let simulator: Program;

before(async () => {
  const planFile = join(folder, 'plan.json');
  // However slow the machine: what is to be stopped has not ended by itself.
  const endless = { provider: '*-slow', duration_ms: 3_600_000 };
  writeFileSync(planFile, JSON.stringify({ ...plan, batches: [endless, ...plan.batches] }));
  simulator = await startProgram(['simulate', '--port', '0', '--faults', planFile]);
});
after(async () => {
  await simulator.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Each life of the gateway ends at the next of the places; the last one ends the batch. */
async function play(name: string, variant: Variant, places: readonly string[]): Promise<void> {
  const adapter = adapters.find((one) => one.name === name);
  assert.ok(adapter !== undefined);
  const campaign = await Campaign.open({
    adapter,
    name: `${name}-${variant}-test`,
    folder,
    simulatorUrl: simulator.url,
    // Nobody listens there: that there is a message to be sent is what counts.
    webhook: 'http://127.0.0.1:9/',
  });
  try {
    const breaks = places.map((place) => ({ place, passing: 1 }));
    const played = await campaign.play({ variant, breaks });
    assert.deepEqual(played.problems, []);
    assert.deepEqual(played.kills, breaks, 'a place was not passed');
    assert.equal(played.batch.state, 'completed');
    await assertPaidOnce(campaign, played);
    assert.equal((await campaign.stores.batch.deliveries.ofBatch(played.batch.no)).length, 1);
  } finally {
    await campaign.close();
  }
}

async function assertPaidOnce(campaign: Campaign, played: Played): Promise<void> {
  const response = await fetch(`${simulator.url}/~simulator/invoice?format=jsonl`);
  const bill = (await response.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line): BillLine => JSON.parse(line))
    .filter(({ note }) => note?.startsWith(`${played.token}-`));
  assert.ok(bill.length > 0);
  const entries = await campaign.stores.ledger.list({}, 100_000);
  const submissions = await campaign.stores.batch.submissions.ofBatch(played.batch.no);
  const found = audit(
    played,
    bill,
    entries,
    submissions.map(({ id }) => id),
  );
  assert.deepEqual(found.problems, []);
}

describe('a batch whose gateway is killed again and again', { concurrency: true }, () => {
  test('has one result for every item, each paid once, with OpenAI', () =>
    play('openai', 'whole', [
      'file: before the row',
      'create: after the row',
      'assemble: before the outcome',
      'plan: after a submission',
      'submit: after the intent',
      'adopt: after the look',
      'poll: after the call',
      'collect: after the books',
    ]));

  test('pays each of two waves once too, and holds an item in one of them', () =>
    play('openai', 'waves', [
      'collect: before the items',
      'cascade: after the labels',
      'collect: after the items',
      'submit: after the call',
    ]));

  test('declares what it may have paid twice when calls are cut, with Anthropic', () =>
    play('anthropic', 'turn', [
      'stop: after the intent',
      'collect: after the items',
      'alone: after the calls',
      'finish: after the outcome',
    ]));
});
