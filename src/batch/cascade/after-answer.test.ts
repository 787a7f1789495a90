import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from '../../core/answer.ts';
import type { StopKind } from '../../core/event.ts';
import { judgeAnswer } from '../../router/cascade/judge.ts';
import { finishOf } from '../../router/cascade/words.ts';
import type { Item, Lane, LaneRole } from '../contract.ts';
import { type Course, courseOf, type Judge } from './after-answer.ts';
import { settledAnswer } from './settled-answer.ts';
import { spare } from './spared.ts';

const lane = (number: number, role: LaneRole, next?: number): Lane => ({
  batchNo: 1,
  lane: number,
  model: 'm',
  route: 'r',
  operation: 'chat',
  chain: [],
  checked: false,
  role,
  ...(next === undefined ? {} : { next }),
});
const field = [lane(1, 'answer', 2), lane(2, 'strong')];
const judged = [lane(1, 'answer', 2), lane(2, 'judge', 3), lane(3, 'strong')];
const several = [lane(1, 'answer', 2), lane(2, 'opinion', 3), lane(3, 'opinion', 4), lane(4, 'strong')];

const answer = (text: string, stop: StopKind = 'end'): Answer => ({
  id: 'a',
  model: 'm',
  choices: [{ blocks: [{ type: 'text', text }], stop: { kind: stop } }],
});
/** Texts are numbers: how sure an answer is of itself, or how sure another is of it. */
const numberIn = ({ choices }: Answer): number | undefined => {
  const [block] = choices[0]?.blocks ?? [];
  const number = block?.type === 'text' ? Number.parseFloat(block.text) : Number.NaN;
  return Number.isNaN(number) ? undefined : number;
};
const judgeWith = (own: boolean): Judge => ({
  own: (first) => (own ? numberIn(first) : undefined),
  others: (_first, said) => numberIn(said),
  verdict: (first, formOk, raw) =>
    judgeAnswer({ accept: { kind: 'fixed', confidence: 0.8 }, schema: true }, 0.8, undefined, {
      raw,
      formOk,
      finish: finishOf(first),
    }),
});

interface Row {
  readonly lanes: readonly Lane[];
  readonly at: number;
  readonly says: string;
  readonly stop?: StopKind;
  readonly formOk?: boolean;
  readonly held?: Answer;
  readonly item?: Pick<Item, 'result' | 'cascade'>;
  readonly noCascade?: true;
}

function course({ lanes, at, says, stop, formOk = true, held, item = {}, noCascade }: Row): Course {
  const own = lanes.find((one) => one.lane === at) ?? assert.fail();
  const judge = noCascade ? undefined : judgeWith(lanes === field);
  const said = { target: 'cheap', answer: answer(says, stop), formOk, costNanoUsd: 7 };
  return courseOf({ item, lane: own, lanes, held, judge }, said);
}

const known = { cheap: 'cheap', cheapNanoUsd: 7 };
const half = { ...known, opinions: { sum: 0.9, count: 1 } };

describe('what becomes of an answered item', () => {
  const table: readonly [string, Row, Course['kind'], (number | string | undefined)?][] = [
    ['a sure first answer is final', { lanes: field, at: 1, says: '0.9' }, 'final', 'accepted'],
    ['one at the threshold too', { lanes: field, at: 1, says: '0.8' }, 'final', 'accepted'],
    ['an unsure one is held for the strong model', { lanes: field, at: 1, says: '0.7' }, 'held', 2],
    ['one that says nothing of it too', { lanes: field, at: 1, says: 'yes' }, 'held', 2],
    ['one that was cut off too, however sure', { lanes: field, at: 1, says: '1', stop: 'length' }, 'held', 2],
    ['one of the wrong form is no result', { lanes: field, at: 1, says: '1', formOk: false }, 'on', 2],
    ['without a cascade any more it is final', { lanes: field, at: 1, says: '0', noCascade: true }, 'final'],
    [
      'what the strong model says is final',
      { lanes: field, at: 2, says: '0', item: { cascade: known } },
      'final',
      'escalated',
    ],
    ['others are asked first, where they are to be', { lanes: judged, at: 1, says: 'x' }, 'held', 2],
    ['but not of what was cut off', { lanes: judged, at: 1, says: 'x', stop: 'length' }, 'held', 3],
    ['nor of what has the wrong form', { lanes: judged, at: 1, says: 'x', formOk: false }, 'on', 3],
    [
      'a good opinion accepts what is held',
      { lanes: judged, at: 2, says: '0.9', held: answer('x') },
      'accepted',
      'accepted',
    ],
    ['a bad one sends it on', { lanes: judged, at: 2, says: '0.1', held: answer('x') }, 'on', 3],
    ['none too', { lanes: judged, at: 2, says: '?', held: answer('x') }, 'on', 3],
    [
      'one of the wrong form is none',
      { lanes: judged, at: 2, says: '1', formOk: false, held: answer('x') },
      'on',
      3,
    ],
    ['without anything held it goes on', { lanes: judged, at: 2, says: '1' }, 'on', 3],
    [
      'without a cascade any more what is held stands',
      { lanes: judged, at: 2, says: '0', held: answer('x'), noCascade: true },
      'accepted',
      'accepted',
    ],
    [
      'of several the next is asked whatever the first says',
      { lanes: several, at: 2, says: '0.1', held: answer('x') },
      'on',
      3,
    ],
    [
      'the last of several decides by the mean',
      { lanes: several, at: 3, says: '0.7', held: answer('x'), item: { cascade: half } },
      'accepted',
      'accepted',
    ],
    [
      'also against it',
      { lanes: several, at: 3, says: '0.6', held: answer('x'), item: { cascade: half } },
      'on',
      4,
    ],
    [
      'and by the others where it says nothing',
      { lanes: several, at: 3, says: '?', held: answer('x'), item: { cascade: half } },
      'accepted',
      'accepted',
    ],
  ];
  for (const [name, row, kind, wanted] of table)
    test(name, () => {
      const found = course(row);
      assert.equal(found.kind, kind);
      assert.equal('lane' in found ? found.lane : found.cascade?.outcome, wanted);
    });
});

describe('what an item has cost', () => {
  const own = { costNanoUsd: 10, listNanoUsd: 20 };
  const place = { segment: 1, at: 5, bytes: 9 };
  const held = { ...place, costNanoUsd: 3, listNanoUsd: 6 };

  test('is summed over all its waves, whichever answer stands', () => {
    const strong = settledAnswer(
      { seq: 1, result: held },
      { kind: 'final', cascade: known },
      answer('x'),
      own,
      0,
    );
    assert.deepEqual(strong.costs, { costNanoUsd: 13, listNanoUsd: 26 });
    const kept = settledAnswer(
      { seq: 1, result: held },
      { kind: 'accepted', cascade: known },
      answer('x'),
      own,
      0,
    );
    assert.deepEqual(kept.settled.result, { ...place, costNanoUsd: 13, listNanoUsd: 26 });
    const on = settledAnswer(
      { seq: 1, result: held },
      { kind: 'on', lane: 3, cascade: known },
      answer('x'),
      own,
      0,
    );
    assert.deepEqual(on.settled.result, { ...place, costNanoUsd: 13, listNanoUsd: 26 });
  });

  test('is remembered where the first answer is no result', () => {
    const lost = settledAnswer({ seq: 1 }, { kind: 'on', lane: 2, cascade: known }, answer('x'), own, 0);
    assert.deepEqual([lost.settled.result, lost.settled.cascade?.spent], [undefined, own]);
    const cascade = { ...known, spent: own };
    const strong = settledAnswer({ seq: 1, cascade }, { kind: 'final', cascade }, answer('x'), own, 0);
    assert.deepEqual(strong.costs, { costNanoUsd: 20, listNanoUsd: 40 });
    assert.equal(strong.settled.cascade?.spent, undefined);
  });

  test('begins anew in the next lane, but for what it was', () => {
    const { settled } = settledAnswer(
      { seq: 1 },
      { kind: 'held', lane: 2, cascade: known },
      answer('é'),
      own,
      9,
    );
    const { lane: to, step, strikes, formStrikes, dueAtMs, state, cascade } = settled;
    assert.deepEqual(
      { to, step, strikes, formStrikes, dueAtMs, state },
      { to: 2, step: 0, strikes: 0, formStrikes: 0, dueAtMs: 9, state: 'waiting' },
    );
    assert.ok((cascade?.neutralBytes ?? 0) > 0);
  });
});

describe('a dead letter', () => {
  const error = { code: 'upstream_fault', status: 502, message: 'No.' } as const;
  const dead = { state: 'dead', error } as const;
  const result = { segment: 1, at: 0, bytes: 1, costNanoUsd: 1, listNanoUsd: 1 };
  const [first, opinion, , strong] = several;
  assert.ok(first !== undefined && opinion !== undefined && strong !== undefined);

  test('of the strong model is none where a first answer is there', () => {
    assert.deepEqual(spare(dead, { result }, strong, several, 0), { state: 'done' });
    assert.deepEqual(spare(dead, {}, strong, several, 0), dead);
  });

  test('of one who gives an opinion goes to the strong model', () => {
    assert.equal(spare(dead, { result }, opinion, several, 0).lane, 4);
  });

  test('of the first model is one', () => {
    assert.deepEqual(spare(dead, {}, first, several, 0), dead);
  });
});
