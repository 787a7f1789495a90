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

/** What is made of an answer. `decided`: by what, where the first answer was accepted or not. */
export type Course = (
  | /** It is the item's result. */
  { readonly kind: 'final'; readonly cascade?: ItemCascade }
  /** It is the item's result for as long as nothing better is there; the item goes on to that lane. */
  | { readonly kind: 'held'; readonly lane: number; readonly cascade: ItemCascade }
  /** It is no result at all; what was held stays, and the item goes on to that lane. */
  | { readonly kind: 'on'; readonly lane: number; readonly cascade: ItemCascade }
  /** What was held is the item's result. */
  | { readonly kind: 'accepted'; readonly cascade: ItemCascade }
) & { readonly decided?: CascadeVerdict };

/** One answer, as far as a cascade looks at it. */
export interface Said {
  readonly target: string;
  readonly answer: Answer;
  readonly formOk: boolean;
  readonly costNanoUsd: number;
}

/** By a route's own terms. */
export interface Judge {
  /** What an answer says of its own confidence. */
  own(first: Answer): number | undefined;
  /** What another's answer says of it. */
  others(first: Answer, said: Answer): number | undefined;
  verdict(first: Answer, formOk: boolean, raw: number | undefined): CascadeVerdict;
}

export interface Judging {
  readonly item: Pick<Item, 'result' | 'cascade'>;
  readonly lane: Lane;
  /** All of the batch. */
  readonly lanes: readonly Lane[];
  /** The first answer, where it is held. */
  readonly held: Answer | undefined;
  /** Absent: the route has no cascade any more. */
  readonly judge: Judge | undefined;
}

export function courseOf(judging: Judging, said: Said): Course {
  const { lane, lanes, judge } = judging;
  const next = lanes.find((one) => one.lane === lane.next);
  if (lane.role === 'strong' || next === undefined) return { kind: 'final', ...settledBy(judging.item) };
  if (lane.role !== 'answer') return afterOpinion(judging, said, next);
  if (judge === undefined) return { kind: 'final' };
  const verdict = judge.verdict(said.answer, said.formOk, judge.own(said.answer));
  const cascade: ItemCascade = {
    ...present({ raw: verdict.raw, confidence: verdict.confidence }),
    cheap: said.target,
    cheapNanoUsd: said.costNanoUsd,
  };
  if (verdict.accepted)
    return { kind: 'final', cascade: { ...cascade, outcome: 'accepted' }, decided: verdict };
  // Without a form, or cut off, it will not do whatever others say of it.
  const kind = said.formOk ? 'held' : 'on';
  if (next.role !== 'strong' && verdict.why === 'unreadable') return { kind, lane: next.lane, cascade };
  return { kind, lane: strongOf(lanes, next).lane, cascade, decided: verdict };
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

function afterOpinion({ item, lane, held, lanes, judge }: Judging, said: Said, next: Lane): Course {
  const known = item.cascade ?? { cheap: '', cheapNanoUsd: 0 };
  const strong = strongOf(lanes, next).lane;
  if (held === undefined) return { kind: 'on', lane: strong, cascade: known };
  if (judge === undefined) return { kind: 'accepted', cascade: { ...known, outcome: 'accepted' } };
  const score = said.formOk ? judge.others(held, said.answer) : undefined;
  const opinions = add(known.opinions, score);
  if (next.role === lane.role) return { kind: 'on', lane: next.lane, cascade: { ...known, opinions } };
  const decided = judge.verdict(held, true, opinions.count === 0 ? undefined : opinions.sum / opinions.count);
  const { opinions: _told, ...rest } = known;
  const cascade = { ...rest, ...present({ raw: decided.raw, confidence: decided.confidence }) };
  return decided.accepted
    ? { kind: 'accepted', cascade: { ...cascade, outcome: 'accepted' }, decided }
    : { kind: 'on', lane: strong, cascade, decided };
}

/** One that says nothing is left out. */
function add(
  { sum, count }: NonNullable<ItemCascade['opinions']> = { sum: 0, count: 0 },
  score: number | undefined,
): NonNullable<ItemCascade['opinions']> {
  return score === undefined ? { sum, count } : { sum: sum + score, count: count + 1 };
}

function settledBy({ cascade }: Pick<Item, 'cascade'>): { readonly cascade?: ItemCascade } {
  return cascade === undefined ? {} : { cascade: { ...cascade, outcome: 'escalated' } };
}
