import type { ErrorCode } from '../core/errors.ts';
import type { Facts, Priority } from '../core/facts.ts';

/** Whose a thing is: the name of a key, '' where no keys are in use. Nobody else can see that it exists. */
export type Owner = string;

export interface StoredFile {
  /** `file-…` for OpenAI's shape; always ours, never a provider's. */
  readonly id: string;
  readonly owner: Owner;
  readonly filename: string;
  /** `batch`: an input; `batch_output`: what we made. */
  readonly purpose: string;
  readonly bytes: number;
  /** Where its bytes are, in the blobs. */
  readonly blob: string;
  readonly createdAtMs: number;
  /** It and its bytes are removed then. */
  readonly expiresAtMs?: number;
}

/**
 * `assembling`: its lines are being read. `running`: items are open. `finishing`: none is, its results are being written. `cancelling`: no
 * item is begun any more, those that run are awaited. The others are final. `expired`: its deadline passed with items open.
 */
export const batchStates = [
  'assembling',
  'running',
  'finishing',
  'cancelling',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const;
export type BatchState = (typeof batchStates)[number];

/** Every change of state that may happen; whatever is not here is refused by the store. */
export const batchTransitions: Readonly<Record<BatchState, readonly BatchState[]>> = {
  assembling: ['running', 'finishing', 'failed', 'cancelling'],
  running: ['finishing', 'cancelling'],
  cancelling: ['finishing'],
  finishing: ['completed', 'failed', 'cancelled', 'expired', 'running'],
  completed: ['running'],
  cancelled: [],
  expired: ['running'],
  failed: [],
};

/** What is wrong with a line of the input, or with the whole of it. */
export interface BatchProblem {
  /** 1-based; absent: the whole input. */
  readonly line?: number;
  readonly code: string;
  readonly message: string;
  readonly param?: string;
}

export interface Webhook {
  readonly url: string;
  /** Sent back as it came. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a caller wants done. */
export interface NewBatch {
  /** Which `BatchShape` reads its lines and writes its results. */
  readonly shape: string;
  /** The operation's path that every line must name, where the shape has one (`/v1/chat/completions`). */
  readonly endpoint: string;
  /** A file of ours, or the blob that the lines were written to. */
  readonly input: { readonly fileId: string } | { readonly blob: string; readonly bytes: number };
  /** Until when it must be done, from now. */
  readonly windowMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly priority: Priority;
  readonly webhook?: Webhook;
  readonly idempotencyKey?: string;
  /** Results of the same request that are no older than this may be used again. Absent: as the config says. */
  readonly reuseMs?: number;
  /** How long its output files are kept; absent: as the config says. */
  readonly keepMs?: number;
}

export interface ItemCounts {
  /** Lines, rejected ones too. */
  readonly total: number;
  readonly done: number;
  /** Rejected lines and dead letters. */
  readonly failed: number;
  readonly cancelled: number;
  readonly expired: number;
}

export interface Batch {
  /** `batch_…` or `msgbatch_…`, as its shape spells it. */
  readonly id: string;
  /** Counts up in a store; names the batch in keys of rows. */
  readonly no: number;
  readonly owner: Owner;
  readonly team?: string;
  readonly shape: string;
  readonly endpoint: string;
  readonly inputFileId?: string;
  readonly inputBlob: string;
  readonly inputBytes: number;
  readonly windowMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly priority: Priority;
  readonly webhook?: Webhook;
  readonly idempotencyKey?: string;
  readonly reuseMs?: number;
  readonly keepMs?: number;

  readonly state: BatchState;
  readonly counts: ItemCounts;
  /** How far assembling has come: lines read and bytes of the input, so that a crash goes on from there. */
  readonly assembledLines: number;
  readonly assembledBytes: number;
  /** The first 100. */
  readonly problems: readonly BatchProblem[];
  /** Items that were answered by another item of the batch, by earlier work, or by a rule. */
  readonly twins: number;
  readonly reused: number;
  readonly prefiltered: number;
  /** Answers whose JSON had to be mended. */
  readonly repaired: number;
  /** What all its items were expected to cost, before the first was sent. */
  readonly estimateNanoUsd: number;
  readonly costNanoUsd: number;
  /** The same tokens at the sync list price, items without a call of their own included. */
  readonly listNanoUsd: number;
  readonly inputTokens: number;
  /** The part of the input that was read from a cache. */
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  /** The part of the output that nobody sees. */
  readonly reasoningTokens: number;
  /** The model that all its lines name, once they are read; absent where they name several. */
  readonly model?: string;
  /** Ids of the files with its results by their kind, once they are written: `output`, `error`. */
  readonly outputs: Readonly<Record<string, string>>;

  readonly createdAtMs: number;
  /** When it must be done. */
  readonly deadlineAtMs: number;
  readonly runningAtMs?: number;
  readonly finishingAtMs?: number;
  readonly cancellingAtMs?: number;
  readonly endedAtMs?: number;
  /** It was deleted by its caller; its rows go with the next sweep. */
  readonly deletedAtMs?: number;
}

/**
 * `waiting`: for a submission, no earlier than `dueAtMs`. `submitted`: in a submission. `alone`: to be called sync, by itself. `twin`: another
 * item of the batch is asked the same, and its answer is awaited. The others are final. `rejected`: its line cannot be sent.
 * `dead`: a dead letter.
 */
export const itemStates = [
  'waiting',
  'submitted',
  'alone',
  'twin',
  'done',
  'rejected',
  'dead',
  'cancelled',
  'expired',
] as const;
export type ItemState = (typeof itemStates)[number];
export const openItemStates: readonly ItemState[] = ['waiting', 'submitted', 'alone', 'twin'];

/** Why an item has no answer; also one attempt's error. */
export interface ItemError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly status: number;
  /** The provider's own words, where it said more. */
  readonly upstream?: string;
  /** How often in a row, where that decides what it means. */
  readonly times?: number;
}

/** One request of a batch. Narrow: its body is a range of the input, its answer a range of a segment. */
export interface Item {
  readonly batchNo: number;
  /** Its line, 1-based. */
  readonly seq: number;
  readonly customId: string;
  /** Byte range of its line in the input, without the line's end. */
  readonly at: number;
  readonly bytes: number;
  /** SHA-256 of canonical body and model, base64url; '' where its line is rejected. */
  readonly hash: string;
  /** What it may be sent to; see `Lane`. */
  readonly lane: number;
  /** Index in the lane's chain of the target that it is for next. */
  readonly step: number;
  readonly state: ItemState;
  /** Failed rounds. */
  readonly strikes: number;
  /** Answers of the wrong form. */
  readonly formStrikes: number;
  /** Calls of any kind that were made for it. */
  readonly attempts: number;
  readonly dueAtMs: number;
  /** For sizing submissions. */
  readonly inputTokens: number;
  /** The item whose answer it takes. */
  readonly twinOf?: number;
  /** Where it is, or was answered. */
  readonly submission?: string;
  /** While it is open: an answer that a later wave may better, and that stands where none does. */
  readonly result?: ItemResult;
  readonly error?: ItemError;
  /** Where its route has a cascade and its first answer was judged. */
  readonly cascade?: ItemCascade;
}

/** What its cascade has made of an item so far. */
export interface ItemCascade {
  /** Absent while a later wave is awaited; an item that is done without it was `kept`. */
  readonly outcome?: Exclude<CascadeOutcome, 'kept'>;
  /** In the first answer, as its source gave it, and calibrated. Each absent: not known. */
  readonly raw?: number;
  readonly confidence?: number;
  /** What others have said of it so far, where more of them are asked. */
  readonly opinions?: { readonly sum: number; readonly count: number };
  /** Who gave the first answer: the name of a target. */
  readonly cheap: string;
  /** What that answer cost. */
  readonly cheapNanoUsd: number;
  /** What calls of waves that left no answer have cost; where one is kept, they are in its `result`. */
  readonly spent?: Pick<ItemResult, 'costNanoUsd' | 'listNanoUsd'>;
  /** Bytes of the first answer in neutral form, which follows it in its segment: what later waves compare with, or judge. */
  readonly neutralBytes?: number;
}

/** `accepted`: the first answer is the result. `escalated`: the strong model's is. `kept`: the strong one was to answer and did not. */
export type CascadeOutcome = 'accepted' | 'escalated' | 'kept';

/** Where an answer is: JSON text in the caller's dialect, as a range of a segment's blob. */
export interface ItemResult {
  readonly segment: number;
  readonly at: number;
  readonly bytes: number;
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
}

/** A way that items of one batch may take: decided once for all items alike. */
export interface Lane {
  readonly batchNo: number;
  readonly lane: number;
  /** As the caller named it. */
  readonly model: string;
  readonly route: string;
  readonly operation: Facts['operation'];
  /** Names of targets, in order, `@batch` ones first. */
  readonly chain: readonly string[];
  /** Its answers must have a form, which the requests say. */
  readonly checked: boolean;
  /** Whose answers its are. */
  readonly role: LaneRole;
  /** The lane of this batch that takes what is not sure enough after this one; absent: what it answers is final. */
  readonly next?: number;
}

/** `answer`: the first. `opinion`: another's, to be compared with it. `judge`: what another thinks of it. `strong`: in its place. */
export const laneRoles = ['answer', 'opinion', 'judge', 'strong'] as const;
export type LaneRole = (typeof laneRoles)[number];

/**
 * `planned`: its items are assigned. `sending`: the intent is written, and whether the provider has it is not known before the
 * outcome is. `open`: the provider has it. `ended`: the provider is done with it, its results are there to be collected.
 * `stopping`: we have asked for its end. The others are final. `collected`: every item of it was settled. `refused`: the provider never ran it, its
 * items went back.
 */
export const submissionStates = [
  'planned',
  'sending',
  'open',
  'stopping',
  'ended',
  'collected',
  'refused',
] as const;
export type SubmissionState = (typeof submissionStates)[number];

export const submissionTransitions: Readonly<Record<SubmissionState, readonly SubmissionState[]>> = {
  planned: ['sending', 'refused'],
  // Back to planned: it was looked for, and is surely not there.
  sending: ['open', 'planned', 'refused'],
  open: ['stopping', 'ended'],
  stopping: ['ended'],
  ended: ['collected'],
  collected: [],
  refused: [],
};

export interface Submission {
  /** `s` and 11 lower-case letters or digits: the intent by which the provider's own search finds it again. */
  readonly id: string;
  readonly batchNo: number;
  readonly lane: number;
  readonly step: number;
  /** `provider/model@batch`. */
  readonly target: string;
  readonly operation: Facts['operation'];
  readonly state: SubmissionState;
  readonly items: number;
  readonly bytes: number;
  readonly inputTokens: number;
  /** The same, as it was estimated before anything was learnt; known once its lines are written. */
  readonly roughInputTokens?: number;
  readonly estimateNanoUsd: number;
  /** The provider's own id; told to operators, never to callers. */
  readonly handle?: string;
  /** How often it was looked for, or polled, in its state. */
  readonly tries: number;
  /** Nothing is done about it before. */
  readonly dueAtMs: number;
  /** How the provider's part ended: see `JobStatus` in the providers' contract. */
  readonly how?: string;
  readonly error?: ItemError;
  readonly costNanoUsd: number;
  readonly createdAtMs: number;
  readonly sentAtMs?: number;
  readonly endedAtMs?: number;
}

/** What one call of an item came to; kept for those that failed. */
export interface ItemAttempt {
  readonly batchNo: number;
  readonly seq: number;
  /** Counts up. */
  readonly attempt: number;
  readonly target: string;
  readonly submission?: string;
  readonly atMs: number;
  readonly error: ItemError;
}
