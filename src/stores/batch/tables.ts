/**
 * The tables of batch work, as both kinds of store have them.
 *
 * Rows of items are narrow and lie by batch and line, so that a million inserts are a million appends. How many items are in which
 * state is counted in the batch's own row, in the transaction that moves them: a list of batches reads no items.
 */
import type { BatchState, LaneRole, Submission, SubmissionState } from '../../batch/contract.ts';
import type { Priority } from '../../core/facts.ts';

export interface FileTable {
  id: string;
  owner: string;
  filename: string;
  purpose: string;
  bytes: number;
  blob: string;
  created_at_ms: number;
  expires_at_ms: number | null;
}

/** A row that a worker holds while it does what is due about it. */
export interface HeldColumns {
  /** 0 once nothing can be due any more. */
  live: number;
  due_at_ms: number;
  /** 0 while nobody holds it. */
  held_until_ms: number;
  /** The earliest wake that came while it was held. */
  woken_at_ms: number | null;
  fence: number;
}

/** How many items are in each state. */
export interface CountColumns {
  waiting_items: number;
  submitted_items: number;
  alone_items: number;
  twin_items: number;
  done_items: number;
  rejected_items: number;
  dead_items: number;
  cancelled_items: number;
  expired_items: number;
}

/** Text that is a list or an object holds JSON. */
export interface BatchTable extends HeldColumns, CountColumns {
  no: number;
  id: string;
  owner: string;
  team: string | null;
  shape: string;
  endpoint: string;
  input_file_id: string | null;
  input_blob: string;
  input_bytes: number;
  window_ms: number;
  metadata: string;
  tags: string;
  priority: Priority;
  webhook: string | null;
  idempotency_key: string | null;
  reuse_ms: number | null;
  keep_ms: number | null;
  state: BatchState;
  assembled_lines: number;
  assembled_bytes: number;
  problems: string;
  twins: number;
  reused: number;
  prefiltered: number;
  repaired: number;
  estimate_nano_usd: number;
  cost_nano_usd: number;
  list_nano_usd: number;
  input_tokens: number;
  cache_read_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  model: string | null;
  outputs: string;
  created_at_ms: number;
  deadline_at_ms: number;
  running_at_ms: number | null;
  finishing_at_ms: number | null;
  cancelling_at_ms: number | null;
  ended_at_ms: number | null;
  deleted_at_ms: number | null;
}

export interface LaneTable {
  batch_no: number;
  lane: number;
  model: string;
  route: string;
  operation: Submission['operation'];
  chain: string;
  /** 0 or 1. */
  checked: number;
  role: LaneRole;
  next_lane: number | null;
}

export interface ItemTable {
  batch_no: number;
  seq: number;
  custom_id: string;
  line_at: number;
  line_bytes: number;
  hash: string;
  lane: number;
  step: number;
  /** A code of `item-states.ts`. */
  state: number;
  strikes: number;
  form_strikes: number;
  attempts: number;
  due_at_ms: number;
  input_tokens: number;
  twin_of: number | null;
  submission: string | null;
  segment: number | null;
  result_at: number | null;
  result_bytes: number | null;
  cost_nano_usd: number | null;
  list_nano_usd: number | null;
  error: string | null;
  cascade: string | null;
}

export interface ItemAttemptTable {
  batch_no: number;
  seq: number;
  attempt: number;
  target: string;
  submission: string | null;
  at_ms: number;
  error: string;
}

export interface SegmentTable {
  batch_no: number;
  segment: number;
  blob: string;
}

export interface SubmissionTable extends HeldColumns {
  id: string;
  batch_no: number;
  lane: number;
  step: number;
  target: string;
  operation: Submission['operation'];
  state: SubmissionState;
  items: number;
  bytes: number;
  input_tokens: number;
  rough_input_tokens: number | null;
  estimate_nano_usd: number;
  handle: string | null;
  tries: number;
  how: string | null;
  error: string | null;
  cost_nano_usd: number;
  created_at_ms: number;
  sent_at_ms: number | null;
  ended_at_ms: number | null;
}

export interface AnswerTable {
  owner: string;
  hash: string;
  shape: string;
  blob: string;
  range_at: number;
  range_bytes: number;
  target: string;
  list_nano_usd: number;
  at_ms: number;
}

export interface DeliveryTable {
  id: string;
  batch_no: number;
  url: string;
  body: string;
  tries: number;
  live: number;
  due_at_ms: number;
  held_until_ms: number;
  created_at_ms: number;
  delivered_at_ms: number | null;
  given_up_at_ms: number | null;
  last_status: number | null;
  last_error: string | null;
}

export interface BatchDatabase {
  intermodal_file: FileTable;
  intermodal_batch: BatchTable;
  /** One row: the number of the last batch. A number is never used again, since blobs are named by it. */
  intermodal_batch_number: { no: number };
  intermodal_lane: LaneTable;
  intermodal_item: ItemTable;
  intermodal_item_attempt: ItemAttemptTable;
  intermodal_segment: SegmentTable;
  intermodal_submission: SubmissionTable;
  intermodal_answer: AnswerTable;
  intermodal_delivery: DeliveryTable;
}
