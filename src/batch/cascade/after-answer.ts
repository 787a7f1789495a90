/**
 * What becomes of an item whose call was answered, where its route has a cascade. One table for submissions and single calls alike.
 *
 * The first answer is judged as soon as it is there. One that is not sure enough, or that others are asked about, is held: it stays the item's
 * result, and the item waits in the next lane. Others' opinions accept it or send it on, and what the strong model answers is final.
 */
import type { Answer } from '../../core/answer.ts';
import { present } from '../../core/present.ts';
import type { CascadeVerdict } from '../../router/cascade/contract.ts';
import type { Item, ItemCascade, Lane } from '../contract.ts';

/** What is made of an answer. */
export type Course =
  /** It is the item's result. */
  | { readonly kind: 'final'; readonly cascade?: ItemCascade }
  /** It is the item's result for as long as nothing better is there; the item goes on to that lane. */
  | { readonly kind: 'held'; readonly lane: number; readonly cascade: ItemCascade }
  /** It is no result at all; what was held stays, and the item goes on to that lane. */
  | { readonly kind: 'on'; readonly lane: number; readonly cascade: ItemCascade }
  /** What was held is the item's result. */
  | { readonly kind: 'accepted'; readonly cascade: ItemCascade };

/** One answer, as far as a cascade looks at it. */
export interface Said {
  readonly target: string;
  readonly answer: Answer;
  readonly formOk: boolean;
  readonly costNanoUsd: number;
}

export interface Judging {
  readonly item: Pick<Item, 'result' | 'cascade'>;
  readonly lane: Lane;
  /** All of the batch. */
  readonly lanes: readonly Lane[];
  /** The first answer, where it is held. */
  readonly held: Answer | undefined;
  /** By the route's own terms, from what was said so far; absent: the route has no cascade any more. */
  readonly judge: ((first: Answer, formOk: boolean, said: Answer | undefined) => CascadeVerdict) | undefined;
}

export function courseOf(judging: Judging, said: Said): Course {
  const { lane, lanes, judge } = judging;
  const next = lanes.find((one) => one.lane === lane.next);
  if (lane.role === 'strong' || next === undefined) return { kind: 'final', ...settledBy(judging.item) };
  if (lane.role !== 'answer') return afterOpinion(judging, said, next);
  if (judge === undefined) return { kind: 'final' };
  const verdict = judge(said.answer, said.formOk, undefined);
  const cascade: ItemCascade = {
    ...present({ raw: verdict.raw, confidence: verdict.confidence }),
    cheap: said.target,
    cheapNanoUsd: said.costNanoUsd,
  };
  if (verdict.accepted) return { kind: 'final', cascade: { ...cascade, outcome: 'accepted' } };
  // Without a form, or cut off, it will not do whatever others say of it.
  const asks = next.role !== 'strong' && verdict.why === 'unreadable';
  const on = asks ? next : strongOf(lanes, next);
  return { kind: said.formOk ? 'held' : 'on', lane: on.lane, cascade };
}

/** Of a lane's way, where it has one. */
export function strongOf(lanes: readonly Lane[], from: Lane): Lane {
  let lane = from;
  // Ends: a lane's next one has a larger number.
  for (;;) {
    const next = lanes.find((one) => one.lane === lane.next);
    if (next === undefined) return lane;
    lane = next;
  }
}

function afterOpinion({ item, held, lanes, judge }: Judging, said: Said, next: Lane): Course {
  const known = item.cascade ?? { cheap: '', cheapNanoUsd: 0 };
  if (held === undefined) return { kind: 'on', lane: strongOf(lanes, next).lane, cascade: known };
  if (judge === undefined) return { kind: 'accepted', cascade: { ...known, outcome: 'accepted' } };
  const verdict = judge(held, true, said.formOk ? said.answer : undefined);
  const cascade = { ...known, ...present({ raw: verdict.raw, confidence: verdict.confidence }) };
  return verdict.accepted
    ? { kind: 'accepted', cascade: { ...cascade, outcome: 'accepted' } }
    : { kind: 'on', lane: strongOf(lanes, next).lane, cascade };
}

function settledBy({ cascade }: Pick<Item, 'cascade'>): { readonly cascade?: ItemCascade } {
  return cascade === undefined ? {} : { cascade: { ...cascade, outcome: 'escalated' } };
}
