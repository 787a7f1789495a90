/** A batch from its lines to its results, over every kind of store. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { chatLine, echoLines, type Road, startRoad, targetOf, textOf } from '../../test/support/road.ts';
import { startStoreKinds } from '../../test/support/stores.ts';

const yaml = `
routes:
  cheap: { chain: [openai/gpt-4.1-nano@batch] }
  other: { chain: [anthropic/claude-haiku-4-5-20251001@batch] }
  now: { chain: [second/gpt-4.1-mini] }
`;
/** Every text of the batch comes twice, but for the ends. */
const spoilt = {
  batches: [{ duration_ms: 50, item_error: 15, missing: 5, duplicate: 20, broken_line: 5, shuffle: true }],
};

const { kinds, closeAll, stop } = await startStoreKinds();
let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
  await closeAll();
});
after(stop);

for (const kind of kinds)
  describe(`a batch on ${kind.name}`, { skip: kind.skip }, () => {
    test('mixes models and routes, and each line says who answered it', async () => {
      const stores = await kind.open();
      road = await startRoad({ yaml, stores });
      const id = await road.submit(
        [
          chatLine('a', 'cheap', '[[echo]] one'),
          chatLine('b', 'other', '[[echo]] two'),
          chatLine('c', 'now', '[[echo]] three'),
          chatLine('d', 'cheap', '[[echo]] one'),
          chatLine('e', 'nobody', 'four'),
        ],
        { window: '2m' },
      );
      const batch = await road.ended(id);
      assert.equal(batch.state, 'completed');
      assert.deepEqual([batch.counts.done, batch.counts.failed, batch.twins], [4, 1, 1]);
      const lines = await road.results(id);
      assert.deepEqual(
        ['a', 'b', 'c', 'd'].map((one) => textOf(lines.get(one))),
        ['one', 'two', 'three', 'one'],
      );
      assert.deepEqual(
        ['a', 'b', 'c'].map((one) => targetOf(lines.get(one))),
        [
          'openai/gpt-4.1-nano@batch',
          'anthropic/claude-haiku-4-5-20251001@batch',
          'second/gpt-4.1-mini@batch',
        ],
      );
      assert.equal(lines.get('d')?.intermodal['twin_of'], '1');
      assert.equal(lines.get('d')?.intermodal['cost_usd'], 0);
      assert.equal(lines.get('e')?.response?.status_code, 404);
      assert.match(JSON.stringify(lines.get('e')), /No route or model is named \\"nobody\\"/);
    });

    test('comes to its end through errors, silence, broken lines and lines that come twice, and pays for each answer once', async () => {
      const stores = await kind.open();
      road = await startRoad({ yaml, stores, faults: spoilt });
      const id = await road.submit(echoLines(300, 'cheap'));
      const batch = await road.ended(id);
      assert.deepEqual([batch.counts.done, batch.counts.failed], [300, 0]);
      const lines = await road.results(id);
      for (let index = 0; index < 300; index++)
        assert.equal(textOf(lines.get(`c${index}`)), `answer ${index}`);
      const items = await road.items(id);
      const attempts = await road.attempts(id);
      for (const item of items) {
        const failed = attempts.filter(({ seq }) => seq === item.seq);
        assert.equal(item.attempts, failed.length + 1);
        const sent = [...failed.map(({ submission }) => submission), item.submission];
        assert.equal(new Set(sent).size, sent.length, 'twice in one submission');
      }
      assert.ok(items.some(({ strikes }) => strikes > 0));
      const ledger = await stores.ledger.list({}, 1_000);
      const cost = ledger.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
      assert.equal(cost, batch.costNanoUsd);
      const told = [...lines.values()].reduce(
        (sum, { intermodal }) => sum + Number(intermodal['cost_usd']),
        0,
      );
      assert.equal(Math.round(told * 1e9), cost);
      assert.ok(
        ledger.some(({ exact }) => !exact),
        'a line that cannot be read may have been paid',
      );
    });
  });
