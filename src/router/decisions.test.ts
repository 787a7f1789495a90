import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, route, target } from '../../test/support/router.ts';
import { decide } from './decide.ts';
import { type DecisionRecord, Decisions } from './decisions.ts';

const first = decide(call(), route([target('a/1')]), { view: () => ({ standing: 'ready', untilMs: 0 }) });

const record = (id: number, overrides: Partial<DecisionRecord> = {}): DecisionRecord => ({
  id: `req_${id}`,
  atMs: id,
  durationMs: 1,
  dialect: 'openai-chat',
  key: undefined,
  policyVersion: 1,
  route: 'assistant',
  asked: { facts: call().facts, tags: [], priority: 'normal' },
  decided: { first, last: first, rounds: 1 },
  tried: [],
  outcome: 'served',
  code: undefined,
  status: 200,
  notes: undefined,
  ...overrides,
});

const wide = { most: 3, mostBytes: 1_000_000 };
const idsOf = (decisions: Decisions): readonly string[] => decisions.list({}, 100).map(({ id }) => id);

describe('the ring of decisions', () => {
  test('keeps the latest, newest first', () => {
    const decisions = new Decisions(wide);
    for (let id = 1; id <= 8; id++) {
      decisions.add(record(id));
      assert.equal(decisions.size, Math.min(id, 3));
      assert.equal(decisions.find(`req_${id}`)?.atMs, id);
    }
    assert.deepEqual(idsOf(decisions), ['req_8', 'req_7', 'req_6']);
    assert.equal(decisions.find('req_5'), undefined);
  });

  test('is bounded by bytes too: what callers name is of their own length', () => {
    const decisions = new Decisions({ most: 1_000, mostBytes: 20_000 });
    for (let id = 1; id <= 5; id++) decisions.add(record(id));
    assert.equal(decisions.size, 5);
    const model = 'm'.repeat(9_000);
    decisions.add(record(6, { asked: { facts: { ...call().facts, model }, tags: [], priority: 'normal' } }));
    assert.ok(decisions.bytes <= 20_000);
    assert.equal(idsOf(decisions)[0], 'req_6');
    assert.ok(decisions.size < 6);
    for (let id = 7; id <= 2_000; id++) decisions.add(record(id));
    assert.ok(decisions.bytes <= 20_000 && decisions.size > 5);
  });

  test('what is larger than all its room is kept alone', () => {
    const decisions = new Decisions({ most: 10, mostBytes: 100 });
    decisions.add(record(1));
    decisions.add(record(2));
    assert.deepEqual(idsOf(decisions), ['req_2']);
  });

  test('can be switched off', () => {
    const decisions = new Decisions({ most: 0, mostBytes: 100 });
    decisions.add(record(1));
    assert.equal(decisions.size, 0);
    assert.equal(decisions.find('req_1'), undefined);
  });

  test('filters by route and outcome', () => {
    const decisions = new Decisions({ most: 10, mostBytes: 100_000 });
    decisions.add(record(1));
    decisions.add(record(2, { route: 'classify' }));
    decisions.add(record(3, { outcome: 'failed' }));
    const ids = (filter: Parameters<Decisions['list']>[0], limit = 9): readonly string[] =>
      decisions.list(filter, limit).map(({ id }) => id);
    assert.deepEqual(ids({ route: 'classify' }), ['req_2']);
    assert.deepEqual(ids({ outcome: 'failed' }), ['req_3']);
    assert.deepEqual(ids({ route: 'assistant', outcome: 'served' }), ['req_1']);
    assert.deepEqual(ids({}, 2), ['req_3', 'req_2']);
  });

  test('lets the targets of configs long gone go', () => {
    const decisions = new Decisions({ most: 1_000, mostBytes: 1_000_000 });
    for (let version = 1; version <= 30; version++) {
      decisions.add(record(version * 10, { policyVersion: version }));
      decisions.add(record(version * 10 + 1, { policyVersion: version }));
    }
    assert.equal(decisions.size, 16);
    assert.equal(idsOf(decisions).at(-1), 'req_230');
  });
});
