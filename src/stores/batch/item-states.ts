/**
 * States of items as the small numbers that rows hold. They are in stores that exist: none is ever given another meaning.
 *
 * From 10 on are those that are few among many and looked for by themselves; an index holds these alone.
 */
import { type ItemState, itemStates } from '../../batch/contract.ts';
import type { CountColumns } from './tables.ts';

export const firstRareCode = 10;

export const itemStateCodes: Readonly<Record<ItemState, number>> = {
  waiting: 0,
  submitted: 1,
  done: 2,
  cancelled: 3,
  expired: 4,
  alone: 10,
  twin: 11,
  rejected: 12,
  dead: 13,
};

const byCode: readonly (ItemState | undefined)[] = Array.from({ length: 14 }, (_, code) =>
  itemStates.find((state) => itemStateCodes[state] === code),
);

export function itemStateOf(code: number): ItemState {
  const state = byCode[code];
  if (state === undefined) throw new RangeError(`No state of an item has the number ${code}.`);
  return state;
}

/** Final for an item, whoever asks: a twin takes over what its original is. */
export const finalItemStates = [
  'done',
  'rejected',
  'dead',
  'cancelled',
  'expired',
] as const satisfies ItemState[];

export const countColumns: Readonly<Record<ItemState, keyof CountColumns>> = {
  waiting: 'waiting_items',
  submitted: 'submitted_items',
  alone: 'alone_items',
  twin: 'twin_items',
  done: 'done_items',
  rejected: 'rejected_items',
  dead: 'dead_items',
  cancelled: 'cancelled_items',
  expired: 'expired_items',
};
