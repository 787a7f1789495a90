/** Batches of routes with a cascade, all the way: what is accepted, what goes on in a second wave, and what stands where that fails. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import {
  chatLine,
  type ResultLine,
  type Road,
  startRoad,
  targetOf,
  textOf,
} from '../../test/support/road.ts';

let road: Road | undefined;
afterEach(async () => {
  await road?.close();
  road = undefined;
});

const cheap = 'openai/gpt-4.1-nano@batch';
const other = 'openai/gpt-4.1-mini@batch';
const strong = 'second/gpt-4.1@batch';
const claude = 'anthropic/claude-sonnet-4-5-20250929@batch';
const yaml = `
routes:
  field: { chain: [${cheap}], cascade: { escalate: ${strong}, audit: 0% } }
  agree: { chain: [${cheap}], cascade: { confidence: { from: agreement, with: ${other} }, escalate: ${strong}, audit: 0% } }
  judged: { chain: [${cheap}], cascade: { confidence: { from: judge, by: ${other} }, escalate: ${strong}, audit: 0% } }
  claude: { chain: [${cheap}], cascade: { escalate: ${claude}, audit: 0% } }
  plain: { chain: [${cheap}] }
`;

const sure = (confidence: number, word = 'spam'): string =>
  `[[echo]] ${JSON.stringify({ label: word, confidence })}`;

const how = (line: ResultLine | undefined): unknown[] => [
  line?.intermodal['cascade'],
  line?.intermodal['wave'],
  targetOf(line),
];

/** What the simulator bills for all of it, and what we say that it cost. */
async function assertPaid(id: string): Promise<void> {
  assert.ok(road);
  const batch = await road.row(id);
  const entries = await road.stores.ledger.list({}, 10_000);
  const booked = entries.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
  assert.equal(batch.costNanoUsd, booked, 'the batch and the ledger');
  const lines = [...(await road.results(id)).values()];
  const told = lines.reduce((sum, { intermodal }) => sum + Number(intermodal['cost_usd'] ?? 0), 0);
  assert.ok(
    Math.abs(told * 1e9 - booked) < lines.length,
    `the lines say ${told * 1e9}, the ledger ${booked}`,
  );
}

describe('by a confidence in the answer itself', () => {
  test('what is sure is done in the first wave, what is not is answered by the strong model', async () => {
    road = await startRoad({ yaml });
    const id = await road.submit([
      chatLine('sure', 'field', sure(0.95)),
      chatLine('unsure', 'field', sure(0.4)),
      chatLine('silent', 'field', '[[echo]] spam'),
      chatLine('plain', 'plain', sure(0.1)),
      chatLine('claude', 'claude', sure(0.1)),
    ]);
    const batch = await road.ended(id);
    assert.equal(batch.counts.done, 5);
    const lines = await road.results(id);
    assert.deepEqual(how(lines.get('sure')), ['accepted', 1, cheap]);
    assert.equal(lines.get('sure')?.intermodal['confidence'], 0.95);
    assert.deepEqual(how(lines.get('unsure')), ['escalated', 2, strong]);
    assert.equal(lines.get('unsure')?.intermodal['confidence'], 0.4);
    assert.equal(lines.get('unsure')?.intermodal['attempts'], 2);
    assert.deepEqual(how(lines.get('silent')), ['escalated', 2, strong]);
    assert.equal(lines.get('silent')?.intermodal['confidence'], null);
    assert.deepEqual(how(lines.get('plain')), [undefined, undefined, cheap]);
    assert.deepEqual(how(lines.get('claude')), ['escalated', 2, claude]);
    assert.equal(lines.get('claude')?.response?.body['object'], 'chat.completion', 'in its caller’s dialect');
    assert.equal((await road.submissions(id)).length, 5);
    await assertPaid(id);
  });
});

describe('by what others say', () => {
  test('an answer that a second model gives too is accepted, another goes on', async () => {
    road = await startRoad({ yaml });
    const id = await road.submit([
      chatLine('same', 'agree', '[[echo]] spam'),
      chatLine('other', 'agree', 'Tell me something.'),
    ]);
    assert.equal((await road.ended(id)).counts.done, 2);
    const lines = await road.results(id);
    assert.deepEqual(how(lines.get('same')), ['accepted', 2, cheap]);
    assert.equal(lines.get('same')?.intermodal['confidence'], 1);
    assert.equal(textOf(lines.get('same')), 'spam');
    assert.deepEqual(how(lines.get('other')), ['escalated', 3, strong]);
    await assertPaid(id);
  });

  test('a judge is asked about the answer, and not the request once more', async () => {
    road = await startRoad({ yaml });
    const id = await road.submit([
      chatLine('good', 'judged', sure(0.9)),
      chatLine('bad', 'judged', sure(0.2)),
    ]);
    assert.equal((await road.ended(id)).counts.done, 2);
    const lines = await road.results(id);
    assert.deepEqual(how(lines.get('good')), ['accepted', 2, cheap]);
    assert.equal(textOf(lines.get('good')), sure(0.9).replace('[[echo]] ', ''));
    assert.deepEqual(how(lines.get('bad')), ['escalated', 3, strong]);
    await assertPaid(id);
  });
});
