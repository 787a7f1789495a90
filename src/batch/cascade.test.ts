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
import { unpackFeatures } from '../router/complexity/features.ts';

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
  several: { chain: [${cheap}], cascade: { confidence: { from: agreement, with: [${other}, second/gpt-4.1-mini@batch] }, accept: { confidence: 0.7 }, escalate: ${strong}, audit: 0% } }
  probable: { chain: [${cheap}], cascade: { confidence: { from: logprobs }, accept: { confidence: 0.5 }, escalate: ${strong}, audit: 0% } }
  audited: { chain: [${cheap}], cascade: { escalate: ${strong}, audit: 100% } }
  single: { chain: [local/small], cascade: { escalate: ${strong}, audit: 0% } }
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

test('by how probable its words were, which its caller is not told', async () => {
  road = await startRoad({ yaml });
  const id = await road.submit([
    chatLine('quiet', 'probable', '[[echo]] spam'),
    chatLine('told', 'probable', '[[echo]] ham', { logprobs: true }),
  ]);
  assert.equal((await road.ended(id)).counts.done, 2);
  const lines = await road.results(id);
  assert.deepEqual(how(lines.get('quiet')), ['accepted', 1, cheap]);
  assert.ok(Number(lines.get('quiet')?.intermodal['confidence']) > 0.5);
  const logprobs = (name: string): unknown =>
    Object(lines.get(name)?.response?.body['choices'])[0].logprobs ?? undefined;
  assert.equal(logprobs('quiet'), undefined);
  assert.ok(logprobs('told') !== undefined);
  await assertPaid(id);
});

test('what is accepted is audited off its path, and the batch does not wait', async () => {
  road = await startRoad({ yaml });
  const id = await road.submit([
    chatLine('one', 'audited', sure(0.95)),
    chatLine('two', 'audited', sure(0.91)),
  ]);
  const batch = await road.ended(id);
  const opened = road;
  await road.until(
    'both are audited',
    async () => (await opened.stores.labels.count({ route: 'audited' })) === 2,
  );
  const labels = await road.stores.labels.list({ route: 'audited' }, 10);
  for (const label of labels) {
    assert.ok(unpackFeatures(label.features ?? '') !== undefined, 'it can be learnt from');
    assert.deepEqual([label.kind, label.cheap, label.agreed], ['audit', cheap, true]);
    assert.equal(label.strong, strong.replace('@batch', ''));
  }
  assert.deepEqual(labels.map(({ id: name }) => name).sort(), [`${id}:1`, `${id}:2`]);
  const entries = await road.stores.ledger.list({}, 100);
  const audits = entries.filter(({ tags }) => tags.includes('audit'));
  assert.equal(audits.length, 2);
  const own = entries.filter((entry) => !audits.includes(entry));
  assert.equal(
    own.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0),
    batch.costNanoUsd,
  );
  assert.ok(audits.every(({ outcome, requestId }) => outcome === 'served' && requestId !== undefined));
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

  test('several are asked one after another, and what they say counts alike', async () => {
    road = await startRoad({ yaml });
    const id = await road.submit([
      chatLine('same', 'several', '[[echo]] spam'),
      chatLine('other', 'several', 'Tell me something.'),
    ]);
    assert.equal((await road.ended(id)).counts.done, 2);
    const lines = await road.results(id);
    assert.deepEqual(how(lines.get('same')), ['accepted', 3, cheap]);
    assert.deepEqual(how(lines.get('other')), ['escalated', 4, strong]);
    assert.equal(lines.get('other')?.intermodal['attempts'], 4);
    await assertPaid(id);
  });

  for (const [what, right, wanted] of [
    ['trusts', 1, ['accepted', 2, cheap]],
    ['doubts', 0, ['escalated', 3, strong]],
  ] as const)
    test(`a judge is asked about the answer, and ${what} it`, async () => {
      road = await startRoad({ yaml, faults: { answers: [{ model: 'gpt-4.1-mini', right }] } });
      const text = '[[echo]] spam [[label:spam|spam,ham]]';
      const id = await road.submit([chatLine('one', 'judged', text)]);
      assert.equal((await road.ended(id)).counts.done, 1);
      const line = (await road.results(id)).get('one');
      assert.deepEqual(how(line), wanted);
      assert.equal(line?.intermodal['confidence'], right);
      assert.equal(textOf(line), text.replace('[[echo]] ', ''));
      await assertPaid(id);
    });
});

/** Ends the batch in so long from now. */
async function shorten(opened: Road, id: string, leftMs: number): Promise<void> {
  const { no } = await opened.row(id);
  await opened.stores.batch.batches.patch(no, { deadlineAtMs: Date.now() + leftMs });
  await opened.wake(id);
}

/** Until the strong model has what is not sure. */
async function secondWave(opened: Road, id: string): Promise<void> {
  await opened.until('the second wave runs', async () =>
    (await opened.submissions(id)).some(({ target, state }) => target === strong && state === 'open'),
  );
}

const three = [
  chatLine('sure', 'field', sure(0.95)),
  chatLine('unsure', 'field', sure(0.4)),
  chatLine('twin', 'field', sure(0.4)),
];

describe('where the strong model does not answer', () => {
  test('the first answer stands, and the line says so', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ provider: 'second', item_invalid: 100 }] } });
    const id = await road.submit([
      ...three,
      chatLine('other', 'agree', 'Tell me something.'),
      chatLine('silent', 'field', '[[echo]] spam'),
    ]);
    const batch = await road.ended(id);
    assert.deepEqual([batch.state, batch.counts.done], ['completed', 5]);
    const lines = await road.results(id);
    assert.deepEqual(how(lines.get('sure')), ['accepted', 1, cheap]);
    assert.deepEqual(how(lines.get('unsure')), ['kept', 2, cheap]);
    assert.deepEqual(how(lines.get('twin')), ['kept', 2, cheap]);
    assert.deepEqual(how(lines.get('other')), ['kept', 3, cheap]);
    assert.equal(textOf(lines.get('unsure')), '{"label":"spam","confidence":0.4}');
    assert.equal((await road.attempts(id)).length, 3, 'of the strong model alone');
    assert.deepEqual(await road.stores.labels.list({ route: 'field' }, 10), []);
    await assertPaid(id);
  });

  test('and a whole submission of its is refused for good, likewise', async () => {
    const budgets = `budgets:\n  - { scope: provider, provider: second, daily: $0.0001 }\n`;
    road = await startRoad({ yaml: `${yaml}${budgets}` });
    const id = await road.submit(three);
    assert.equal((await road.ended(id)).counts.done, 3);
    assert.deepEqual(how((await road.results(id)).get('unsure')), ['kept', 2, cheap]);
    await assertPaid(id);
  });

  for (const end of ['expires', 'is cancelled'] as const)
    test(`and the batch ${end}, it stands too`, async () => {
      road = await startRoad({ yaml, faults: { batches: [{ provider: 'second', stuck: 100 }] } });
      const id = await road.submit(three, { window: '10m' });
      await secondWave(road, id);
      if (end === 'expires') await shorten(road, id, -1);
      else await fetch(`${road.url}/v1/batches/${id}/cancel`, { method: 'POST' });
      const batch = await road.ended(id);
      assert.equal(batch.counts.done, 3);
      assert.equal(batch.state, end === 'expires' ? 'completed' : 'cancelled');
      const lines = await road.results(id);
      assert.deepEqual(how(lines.get('sure')), ['accepted', 1, cheap]);
      assert.deepEqual(how(lines.get('unsure')), ['kept', 2, cheap]);
      assert.deepEqual(how(lines.get('twin')), ['kept', 2, cheap]);
      await assertPaid(id);
    });

  test('in time by its batch API, it is asked by single calls', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ provider: 'second', stuck: 100 }] } });
    const id = await road.submit(three, { window: '10m' });
    await secondWave(road, id);
    await shorten(road, id, 120_000);
    assert.equal((await road.ended(id)).counts.done, 3);
    const lines = await road.results(id);
    assert.deepEqual(how(lines.get('unsure')), ['escalated', 2, strong.replace('@batch', '')]);
    assert.deepEqual(how(lines.get('twin')), ['escalated', 2, strong.replace('@batch', '')]);
    assert.equal(lines.get('twin')?.intermodal['cost_usd'], 0);
    await assertPaid(id);
  });
});

describe('a second opinion that cannot be had', () => {
  test('leaves it to the strong model', async () => {
    const faults = { batches: [{ model: 'gpt-4.1-mini', item_invalid: 100 }] };
    road = await startRoad({ yaml, faults });
    const id = await road.submit([
      chatLine('a', 'agree', '[[echo]] spam'),
      chatLine('b', 'judged', sure(0.9)),
    ]);
    assert.equal((await road.ended(id)).counts.done, 2);
    const lines = await road.results(id);
    assert.deepEqual(how(lines.get('a')), ['escalated', 3, strong]);
    assert.deepEqual(how(lines.get('b')), ['escalated', 3, strong]);
    await assertPaid(id);
  });

  test('or whose provider is refused altogether, likewise', async () => {
    const faults = {
      faults: [{ model: 'gpt-4.1-mini', kind: 'auth' }],
      batches: [{ model: 'gpt-4.1-mini', validation_failure: 100 }],
    };
    road = await startRoad({ yaml, faults });
    const id = await road.submit([chatLine('a', 'agree', '[[echo]] spam')]);
    assert.equal((await road.ended(id)).counts.done, 1);
    assert.deepEqual(how((await road.results(id)).get('a')), ['escalated', 3, strong]);
    await assertPaid(id);
  });
});

test('a first answer by a single call is judged as one of a submission is', async () => {
  road = await startRoad({ yaml });
  const id = await road.submit([
    chatLine('sure', 'single', sure(0.95)),
    chatLine('unsure', 'single', sure(0.4)),
  ]);
  assert.equal((await road.ended(id)).counts.done, 2);
  const lines = await road.results(id);
  assert.deepEqual(how(lines.get('sure')), ['accepted', 1, 'local/small']);
  assert.deepEqual(how(lines.get('unsure')), ['escalated', 2, strong]);
  await assertPaid(id);
});

describe('an answer of the wrong form', () => {
  const schema = {
    type: 'object',
    properties: { confidence: { type: 'number', enum: [0.95] } },
    required: ['confidence'],
    additionalProperties: false,
  };
  const form = { response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema } } };

  test('goes to the strong model at once', async () => {
    road = await startRoad({ yaml, faults: { batches: [{ provider: 'openai', corrupt: 100 }] } });
    const lines = Array.from({ length: 12 }, (_, index) =>
      chatLine(`c${index}`, 'field', `Classify ${index}.`, form),
    );
    const id = await road.submit(lines);
    assert.equal((await road.ended(id)).counts.done, 12);
    const told = [...(await road.results(id)).values()];
    const outcomes = Map.groupBy(told, (line) => line.intermodal['cascade']);
    assert.ok((outcomes.get('accepted')?.length ?? 0) > 0, 'what could be mended');
    const escalated = outcomes.get('escalated') ?? [];
    assert.ok(escalated.length > 0, 'what could not');
    assert.ok(escalated.every((line) => targetOf(line) === strong && line.intermodal['attempts'] === 2));
    const labels = await road.stores.labels.list({ route: 'field' }, 100);
    assert.equal(labels.length, escalated.length);
    assert.ok(labels.every(({ features }) => unpackFeatures(features ?? '') !== undefined));
    assert.ok(
      labels.every(({ agreed, kind, cheapNanoUsd }) => !agreed && kind === 'escalation' && cheapNanoUsd > 0),
    );
    await assertPaid(id);
  });
});

test('every escalation is a label: whether the first answer said the same, and what both cost', async () => {
  road = await startRoad({ yaml });
  const id = await road.submit([...three, chatLine('other', 'agree', 'Tell me something.')]);
  await road.ended(id);
  const [same] = await road.stores.labels.list({ route: 'field' }, 10);
  const [differs] = await road.stores.labels.list({ route: 'agree' }, 10);
  assert.equal(await road.stores.labels.count({ route: 'field' }), 1);
  assert.deepEqual(
    [same?.id, same?.kind, same?.cheap, same?.strong, same?.confidence, same?.agreed],
    [`${id}:2`, 'escalation', cheap, strong, 0.4, true],
  );
  assert.equal(differs?.agreed, false);
  const line = (await road.results(id)).get('unsure');
  const nanoUsd = (same?.cheapNanoUsd ?? 0) + (same?.strongNanoUsd ?? 0);
  assert.ok(Math.abs(Number(line?.intermodal['cost_usd']) * 1e9 - nanoUsd) <= 1);
});

describe('broken off between two waves', () => {
  for (const place of [
    'cascade: before the labels',
    'cascade: after the labels',
    'collect: after the items',
    'collect: before the books',
    'plan: after a submission',
    'submit: after the intent',
  ])
    test(`at "${place}", each wave is paid once and each item has one result`, async () => {
      let left = 2;
      road = await startRoad({
        yaml,
        at(passed) {
          if (passed === place && left-- > 0) throw new Error('broken off');
        },
      });
      const id = await road.submit([...three, chatLine('other', 'agree', 'Tell me something.')]);
      const batch = await road.ended(id);
      assert.equal(batch.counts.done, 4);
      const lines = await road.results(id);
      assert.deepEqual(how(lines.get('sure')), ['accepted', 1, cheap]);
      assert.deepEqual(how(lines.get('unsure')), ['escalated', 2, strong]);
      assert.deepEqual(how(lines.get('other')), ['escalated', 3, strong]);
      assert.equal(await road.stores.labels.count({ route: 'field' }), 1);
      assert.ok(left < 2, 'the place was passed');
      await assertPaid(id);
    });
});
