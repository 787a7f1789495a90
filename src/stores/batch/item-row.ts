/** An item as a row, and back. Every hundred nanoseconds here are a tenth of a second of a million items. */
import type { Item, ItemAttempt } from '../../batch/contract.ts';
import { storable } from '../ledger-row.ts';
import type { Value } from './bulk.ts';
import { itemStateCodes, itemStateOf } from './item-states.ts';
import { readCascade, readError } from './json.ts';
import type { ItemAttemptTable, ItemTable } from './tables.ts';

/** The values are only there to be counted, in the order of `pushItem`. */
export const blankItem: ItemTable = {
  batch_no: 0,
  seq: 0,
  custom_id: '',
  line_at: 0,
  line_bytes: 0,
  hash: '',
  lane: 0,
  step: 0,
  state: 0,
  strikes: 0,
  form_strikes: 0,
  attempts: 0,
  due_at_ms: 0,
  input_tokens: 0,
  twin_of: null,
  submission: null,
  segment: null,
  result_at: null,
  result_bytes: null,
  cost_nano_usd: null,
  list_nano_usd: null,
  error: null,
  cascade: null,
};

export function pushItem(item: Item, values: Value[]): void {
  const { result } = item;
  values.push(
    item.batchNo,
    item.seq,
    storable(item.customId),
    item.at,
    item.bytes,
    item.hash,
    item.lane,
    item.step,
    itemStateCodes[item.state],
    item.strikes,
    item.formStrikes,
    item.attempts,
    item.dueAtMs,
    item.inputTokens,
    item.twinOf ?? null,
    item.submission ?? null,
    result === undefined ? null : result.segment,
    result === undefined ? null : result.at,
    result === undefined ? null : result.bytes,
    result === undefined ? null : result.costNanoUsd,
    result === undefined ? null : result.listNanoUsd,
    item.error === undefined ? null : JSON.stringify(item.error),
    item.cascade === undefined ? null : JSON.stringify(item.cascade),
  );
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Built by hand: with a spread for each member that may be absent it took three times as long. */
export function readItem(row: ItemTable): Item {
  const item: Writable<Item> = {
    batchNo: row.batch_no,
    seq: row.seq,
    customId: row.custom_id,
    at: row.line_at,
    bytes: row.line_bytes,
    hash: row.hash,
    lane: row.lane,
    step: row.step,
    state: itemStateOf(row.state),
    strikes: row.strikes,
    formStrikes: row.form_strikes,
    attempts: row.attempts,
    dueAtMs: row.due_at_ms,
    inputTokens: row.input_tokens,
  };
  if (row.twin_of !== null) item.twinOf = row.twin_of;
  if (row.submission !== null) item.submission = row.submission;
  if (row.segment !== null) {
    item.result = {
      segment: row.segment,
      at: row.result_at ?? 0,
      bytes: row.result_bytes ?? 0,
      costNanoUsd: row.cost_nano_usd ?? 0,
      listNanoUsd: row.list_nano_usd ?? 0,
    };
  }
  if (row.error !== null) item.error = readError(row.error);
  if (row.cascade !== null) item.cascade = readCascade(row.cascade);
  return item;
}

export const blankAttempt: ItemAttemptTable = {
  batch_no: 0,
  seq: 0,
  attempt: 0,
  target: '',
  submission: null,
  at_ms: 0,
  error: '',
};

export function pushAttempt(attempt: ItemAttempt, values: Value[]): void {
  values.push(
    attempt.batchNo,
    attempt.seq,
    attempt.attempt,
    storable(attempt.target),
    attempt.submission ?? null,
    attempt.atMs,
    JSON.stringify(attempt.error),
  );
}

export function readAttempt(row: ItemAttemptTable): ItemAttempt {
  return {
    batchNo: row.batch_no,
    seq: row.seq,
    attempt: row.attempt,
    target: row.target,
    ...(row.submission === null ? {} : { submission: row.submission }),
    atMs: row.at_ms,
    error: readError(row.error),
  };
}
