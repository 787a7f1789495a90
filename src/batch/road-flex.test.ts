/** Items that are asked alone at a flex tier: half the price where it has room, the next target where not. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { echoLines, type Road, startRoad, targetOf } from '../../test/support/road.ts';

let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
});

const yaml = `
prices: { local/llama: { input: $1, output: $1 } }
routes:
  patient: { chain: [openai/gpt-5-mini@flex, local/llama] }
`;
const prices = [
  { model: 'gpt-5-mini', input: 0.25, output: 2 },
  { model: 'llama', input: 1, output: 1 },
];

async function ranOn(
  road: Road,
): Promise<{ readonly targets: readonly unknown[]; readonly paid: number; readonly list: number }> {
  const id = await road.submit(echoLines(4, 'patient'));
  assert.equal((await road.ended(id)).counts.done, 4);
  await road.gateway.world.ledger.flush();
  const entries = await road.stores.ledger.list({}, 100);
  const sum = (of: (entry: (typeof entries)[number]) => number): number =>
    entries.reduce((all, entry) => all + of(entry), 0);
  const lines = await road.results(id);
  return {
    targets: [...new Set([...lines.values()].map(targetOf))],
    paid: sum((entry) => entry.costNanoUsd),
    list: sum((entry) => entry.listNanoUsd),
  };
}

describe('items alone at a flex tier', () => {
  test('are served at half the price', async () => {
    road = await startRoad({ yaml, faults: { prices } });
    const { targets, paid, list } = await ranOn(road);
    assert.deepEqual(targets, ['openai/gpt-5-mini@flex']);
    assert.equal(paid, road.gateway.simulator.invoice().totalNanoUsd);
    assert.ok(Math.abs(list - 2 * paid) <= 8, `${paid} of ${list}`);
  });

  test('go on at the full price where there is no room', async () => {
    road = await startRoad({ yaml, faults: { prices, faults: [{ kind: 'flex-full' }] } });
    const { targets, paid } = await ranOn(road);
    assert.deepEqual(targets, ['local/llama']);
    assert.equal(paid, road.gateway.simulator.invoice().totalNanoUsd);
  });
});
