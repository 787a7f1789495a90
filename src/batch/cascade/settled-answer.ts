/** The course of an answer as the store is told of it, and what of it goes into a segment. */
import type { Answer } from '../../core/answer.ts';
import type { Settled } from '../../stores/batch/contract.ts';
import type { Item, ItemResult } from '../contract.ts';
import type { Course } from './after-answer.ts';
import { writeNeutral } from './neutral.ts';

type Costs = Pick<ItemResult, 'costNanoUsd' | 'listNanoUsd'>;

/** `undefined` members are those that a plain item has not. */
export interface SettledAnswer {
  readonly settled: Settled;
  /** The answer itself is kept, and has cost this with all that came before it. */
  readonly costs?: Costs;
  /** What stands behind it in its segment. */
  readonly neutral?: string;
}

export function settledAnswer(
  item: Pick<Item, 'seq' | 'result' | 'cascade'>,
  course: Course,
  answer: Answer | undefined,
  own: Costs,
  nowMs: number,
): SettledAnswer {
  const costs = plus(item.result ?? item.cascade?.spent, own);
  const done = { seq: item.seq, state: 'done' as const, attempted: true };
  const { result } = item;
  switch (course.kind) {
    case 'final': {
      if (course.cascade === undefined) return { settled: done, costs };
      // Of what it said, nobody asks any more.
      const { spent: _spent, neutralBytes: _bytes, ...cascade } = course.cascade;
      return { settled: { ...done, cascade }, costs };
    }
    case 'accepted':
      return {
        settled: {
          ...done,
          cascade: course.cascade,
          ...(result === undefined ? {} : { result: { ...result, ...costs } }),
        },
      };
    case 'held': {
      const neutral = answer === undefined ? '' : writeNeutral(answer);
      const cascade = { ...course.cascade, neutralBytes: Buffer.byteLength(neutral) };
      return { settled: { ...goesOn(item.seq, course.lane, nowMs), cascade }, costs, neutral };
    }
    case 'on': {
      const settled = goesOn(item.seq, course.lane, nowMs);
      return result === undefined
        ? { settled: { ...settled, cascade: { ...course.cascade, spent: costs } } }
        : { settled: { ...settled, cascade: course.cascade, result: { ...result, ...costs } } };
    }
  }
}

/** Nothing that befell it in one lane counts in the next. */
function goesOn(seq: number, lane: number, nowMs: number): Settled {
  return {
    seq,
    state: 'waiting',
    attempted: true,
    lane,
    step: 0,
    strikes: 0,
    formStrikes: 0,
    dueAtMs: nowMs,
  };
}

function plus(one: Costs | undefined, other: Costs): Costs {
  return {
    costNanoUsd: (one?.costNanoUsd ?? 0) + other.costNanoUsd,
    listNanoUsd: (one?.listNanoUsd ?? 0) + other.listNanoUsd,
  };
}
