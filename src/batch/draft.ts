/** An item while its line is being read: all of it may still change. */
import type { GatewayError } from '../core/errors.ts';
import type { JsonLine } from '../wire/jsonl.ts';
import type { Item } from './contract.ts';
import { errorOf } from './item-error.ts';

export type Draft = { -readonly [Key in keyof Item]: Item[Key] };

export function draftOf(batchNo: number, { number, at, bytes }: JsonLine): Draft {
  return {
    batchNo,
    seq: number,
    customId: '',
    at,
    bytes,
    hash: '',
    lane: 0,
    step: 0,
    state: 'waiting',
    strikes: 0,
    formStrikes: 0,
    attempts: 0,
    dueAtMs: 0,
    inputTokens: 0,
  };
}

export function reject(item: Draft, error: GatewayError): void {
  item.state = 'rejected';
  item.error = errorOf(error);
}
