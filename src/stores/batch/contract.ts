/**
 * The rows of batch work. One implementation on SQLite and on Postgres, through one query path; the suites beside it run over both.
 *
 * The row is the truth, and every step is: write the intent, act, write the outcome. So each write here is one transaction, may be
 * repeated without harm, and is guarded by the state that it changes: it says whether it took place. Bodies are in the blobs.
 * A batch of a million items must cost neither memory nor a statement for each item: what takes many, takes them by the thousand.
 */
import type {
  Batch,
  BatchState,
  Item,
  ItemAttempt,
  ItemCascade,
  ItemCounts,
  ItemError,
  ItemResult,
  ItemState,
  Lane,
  NewBatch,
  Owner,
  StoredFile,
  Submission,
  SubmissionState,
} from '../../batch/contract.ts';
import type { Page, Paged } from '../../batch/desk/contract.ts';

export interface FileRows {
  /** An id that is there already stays as it is. */
  create(file: StoredFile): Promise<void>;
  /** Not those that have expired. */
  get(owner: Owner, id: string, nowMs: number): Promise<StoredFile | undefined>;
  /** After or before an id that the owner does not have, there is nothing. */
  list(
    owner: Owner,
    page: Page & { readonly purpose?: string; readonly ascending?: boolean },
    nowMs: number,
  ): Promise<Paged<StoredFile>>;
  remove(owner: Owner, id: string): Promise<boolean>;
  /** For the sweep; at most `limit`. */
  expired(nowMs: number, limit: number): Promise<readonly StoredFile[]>;
}

/** Members that change while a batch lives. */
export type BatchPatch = Partial<
  Pick<
    Batch,
    | 'problems'
    | 'outputs'
    | 'estimateNanoUsd'
    | 'runningAtMs'
    | 'finishingAtMs'
    | 'cancellingAtMs'
    | 'endedAtMs'
    | 'deletedAtMs'
    | 'deadlineAtMs'
    | 'model'
  >
>;

export interface CreatedBatch extends Omit<NewBatch, 'input' | 'windowMs'> {
  readonly id: string;
  readonly owner: Owner;
  readonly team?: string;
  readonly inputFileId?: string;
  readonly inputBlob: string;
  readonly inputBytes: number;
  readonly windowMs: number;
  readonly createdAtMs: number;
  readonly deadlineAtMs: number;
}

export interface BatchRows {
  /** In state `assembling`, due at once. `existing` where the owner has used that idempotency key, or has a batch of that id. */
  create(batch: CreatedBatch): Promise<{ readonly batch: Batch; readonly existing: boolean }>;
  get(owner: Owner, id: string): Promise<Batch | undefined>;
  byNo(no: number): Promise<Batch | undefined>;
  /** Not those that were deleted. After or before an id that the owner does not have, there is nothing. */
  list(owner: Owner, page: Page & { readonly shape?: string }): Promise<Paged<Batch>>;
  /**
   * Changes the state, where it is one of `from` and the table of transitions allows it; false where it is not. A batch that comes
   * to `running` has neither `finishingAtMs` nor `endedAtMs` any more. Not guarded by a claim: cancelling is the caller's.
   * `delivery` is added in the same transaction, where the state was changed.
   */
  move(
    no: number,
    from: readonly BatchState[],
    to: BatchState,
    patch?: BatchPatch,
    delivery?: Delivery,
  ): Promise<boolean>;
  patch(no: number, patch: BatchPatch): Promise<void>;
  /** When the batch is to be looked at again; earlier than what is set wins, unless `later`. While it is held, it waits for the release. */
  wake(no: number, dueAtMs: number, later?: 'later'): Promise<void>;
  /** Ended before, or ended and deleted: for the sweep. Needs `endedAtMs`, which whoever ends a batch patches. */
  ended(beforeMs: number, limit: number): Promise<readonly Batch[]>;
  /** Whether a batch, other than `except`, has its lines in that blob: it cannot run again without them. */
  refers(blob: string, except?: number): Promise<boolean>;
  /**
   * All rows of it, and the answers that lie in its segments, since their blobs go too. In parts; broken off, the batch is found by
   * `ended` again.
   */
  erase(no: number): Promise<void>;
}

/** What is claimed is nobody else's until then, or until it is released. */
export interface Claim {
  /** Grows with every claim of the row; a write that names an older one does nothing. */
  readonly fence: number;
}

export type Work =
  | { readonly kind: 'batch'; readonly batch: Batch; readonly claim: Claim }
  | { readonly kind: 'submission'; readonly submission: Submission; readonly claim: Claim };

/** Rows in these states are left to others. */
export interface PassedOver {
  readonly batch: readonly BatchState[];
  readonly submission: readonly SubmissionState[];
}

export interface WorkRows {
  /**
   * The most overdue row that nobody holds: a batch that has not ended, or a submission that is not final. Nothing may also mean that
   * another is just taking the last one.
   */
  claim(nowMs: number, leaseMs: number, passedOver?: PassedOver): Promise<Work | undefined>;
  /** Holds it until then; false where it was lost to another, or let go. */
  renew(work: Work, untilMs: number): Promise<boolean>;
  /** Lets it go, to be claimed again at `dueAtMs`; keeps an earlier `wake` that came while it was held. */
  release(work: Work, dueAtMs: number): Promise<void>;
  /** When the next row can be claimed, for sleeping until then: one that is held, when its lease ends. */
  nextDueMs(passedOver?: PassedOver): Promise<number | undefined>;
}

export interface AddedItems {
  readonly items: readonly Item[];
  readonly lanes: readonly Lane[];
  readonly assembledLines: number;
  readonly assembledBytes: number;
  /** To be added to the batch's own, of which the first 100 are kept. */
  readonly problems: readonly {
    readonly line?: number;
    readonly code: string;
    readonly message: string;
    readonly param?: string;
  }[];
  /** Of these lines; it and the next two are added to the batch's. Twins are counted by their `twinOf`. */
  readonly estimateNanoUsd: number;
  readonly reused: number;
  readonly prefiltered: number;
}

/** How an item leaves a submission, or its call. */
export type Settled = {
  readonly seq: number;
  /**
   * Becomes this; the others keep what they have. But an item that is done has no error unless one is given, and one that waits or is
   * called alone is in no submission.
   */
  readonly state: ItemState;
  readonly lane?: number;
  readonly step?: number;
  readonly strikes?: number;
  readonly formStrikes?: number;
  readonly dueAtMs?: number;
  /** The call counts as one attempt. */
  readonly attempted: boolean;
  readonly result?: ItemResult;
  readonly error?: ItemError;
  readonly cascade?: ItemCascade;
  /** For the list of failed attempts. It counts as an attempt, also where `attempted` does not say so. */
  readonly failed?: Omit<ItemAttempt, 'batchNo' | 'seq' | 'attempt'>;
};

export interface SettledSums {
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly repaired: number;
}

/** An item with its answer, as a range of a segment. */
export interface DoneItem {
  readonly seq: number;
  readonly at: number;
  readonly bytes: number;
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export interface ItemRows {
  /**
   * Lines of a batch that is assembling, some thousands, with the lanes that are new, all in one transaction with how far it has come.
   * False: `assembledLines` in the store is not what these follow on (`firstLine - 1`), or the batch is not assembling any more, and
   * nothing was written. What items with a `result` cost is added to the batch's sums.
   */
  add(batchNo: number, firstLine: number, added: AddedItems): Promise<boolean>;
  lanes(batchNo: number): Promise<readonly Lane[]>;
  /** Those that there are, each once, by `seq`. */
  get(batchNo: number, seqs: readonly number[]): Promise<readonly Item[]>;
  /** By `seq`, ascending, after `afterSeq`; of these states, if given. */
  page(
    batchNo: number,
    afterSeq: number,
    limit: number,
    filter?: { readonly states?: readonly ItemState[]; readonly submission?: string },
  ): Promise<readonly Item[]>;
  /** Hashes and custom ids alone, for finding duplicates; by `seq`. */
  names(
    batchNo: number,
    afterSeq: number,
    limit: number,
  ): Promise<readonly Pick<Item, 'seq' | 'customId' | 'hash'>[]>;
  /** `open`: in a state that is not final; `twins`: those of them that await another's answer. Reads one row. */
  counts(batchNo: number): Promise<ItemCounts & { readonly open: number; readonly twins: number }>;
  /** Waiting items that are due, by lane and step: what can be planned now. */
  due(
    batchNo: number,
    nowMs: number,
  ): Promise<
    readonly {
      readonly lane: number;
      readonly step: number;
      readonly items: number;
      readonly bytes: number;
      readonly inputTokens: number;
      readonly strikes: number;
    }[]
  >;
  /** The earliest `dueAtMs` of items that wait. */
  nextDueMs(batchNo: number): Promise<number | undefined>;
  /**
   * Gives a submission (`planned`) due items of a lane and step, by `seq`, as many as `most` allows; one transaction.
   * Returns the submission as it was written, or nothing where no item was left, or the batch is neither assembling nor running. The
   * filled-in sums are those of its items, without `envelopeBytes`, which is what each of them takes beyond its own. At least one item is
   * given, however large: it would wait for ever. An id that is there already is answered as it is.
   */
  assign(
    submission: Omit<Submission, 'items' | 'bytes' | 'inputTokens'>,
    most: {
      readonly items: number;
      readonly bytes: number;
      readonly inputTokens: number;
      readonly envelopeBytes: number;
    },
    nowMs: number,
  ): Promise<Submission | undefined>;
  /**
   * What came of items that are in `submission` (or, for those that are called alone, in state `alone`), and the sums, in one
   * transaction. An item that is not there any more was settled before: it is left as it is, and its sums must not count twice, so the sums are given
   * with each item's own. They are added to the batch's, and the cost to the submission's. Of two of one item the first holds. Returns how
   * many were settled.
   */
  settle(
    batchNo: number,
    from: { readonly submission: string } | { readonly alone: true },
    settled: readonly (Settled & { readonly sums?: SettledSums })[],
  ): Promise<number>;
  /**
   * As `settle`, for the many of a submission that are done at the first try, their answers in one segment: a fifth of the values, half the
   * time. Returns how many were settled.
   */
  settleDone(
    batchNo: number,
    submission: string,
    segment: number,
    done: readonly DoneItem[],
  ): Promise<number>;
  /**
   * All that are in the submission, or all of `states` where it is absent, that are not yet otherwise; for going back, cancelling and
   * expiring. In parts of some thousands, each a transaction: broken off, it is called again. Returns how many.
   */
  settleAll(
    batchNo: number,
    from: {
      readonly submission?: string;
      readonly states?: readonly ItemState[];
      readonly lane?: number;
      readonly step?: number;
      /** Only those that have an answer already, which a later wave was to better. */
      readonly answered?: true;
    },
    to: Omit<Settled, 'seq' | 'result' | 'cascade'>,
  ): Promise<number>;
  /**
   * Twins whose original has ended, become what it is, with its result or error. They cost nothing, and add the list price of the
   * original to the batch's. In parts, as `settleAll`. Returns how many are still open.
   */
  settleTwins(batchNo: number): Promise<number>;
  /**
   * Dead letters become `waiting` with no strikes, from the start of their chain; those that died as twins, `twin`. In parts, as
   * `settleAll`. Returns how many.
   */
  revive(batchNo: number, nowMs: number): Promise<number>;
  attempts(batchNo: number, seqs: readonly number[]): Promise<readonly ItemAttempt[]>;
  /** A blob that answers are ranges of; the number that items name it by, from 1. A blob has one, however often it is added. */
  addSegment(batchNo: number, blob: string): Promise<number>;
  segments(batchNo: number): Promise<readonly { readonly segment: number; readonly blob: string }[]>;
}

export interface SubmissionAges {
  readonly target: string;
  readonly oldestSentAtMs: number;
  /** Sent before the moment that was asked about. */
  readonly late: number;
}

export interface SubmissionRows {
  get(id: string): Promise<Submission | undefined>;
  ofBatch(batchNo: number): Promise<readonly Submission[]>;
  /** As `BatchRows.move`, from whatever state the table allows; guarded by the claim. `tries` begin anew. */
  move(
    work: { readonly submission: Submission; readonly claim: Claim },
    to: SubmissionState,
    patch?: Partial<Omit<Submission, 'id' | 'batchNo' | 'state'>>,
  ): Promise<boolean>;
  patch(
    work: { readonly submission: Submission; readonly claim: Claim },
    patch: Partial<Omit<Submission, 'id' | 'batchNo' | 'state'>>,
  ): Promise<boolean>;
  wake(id: string, dueAtMs: number): Promise<void>;
  /** The one that a provider of that name knows by this id; nothing where there is none. */
  wakeHandle(provider: string, handle: string, dueAtMs: number): Promise<void>;
  /** Those that are planned, were told that there is no room, and wait: at most `limit`, who would come next first. */
  wakeWaiting(dueAtMs: number, limit: number): Promise<void>;
  /** All that a provider may have, for holding their places and money again after a start: from `sending` to `ended`, whose price is still to come. */
  live(): Promise<readonly Submission[]>;
  /** Of those that were sent and have not ended at their providers: how many there are of each target, and how old they are. */
  ages(lateIfSentBeforeMs: number): Promise<readonly SubmissionAges[]>;
  /** Whether a provider's own id is one that we know. */
  knows(handle: string): Promise<boolean>;
}

/** Answers of finished work, for those who may use them again. */
export interface AnswerRows {
  add(answers: readonly StoredAnswer[]): Promise<void>;
  /** The latest of each hash and shape. */
  find(owner: Owner, hashes: readonly string[], notBeforeMs: number): Promise<readonly StoredAnswer[]>;
  prune(beforeMs: number): Promise<void>;
}

export interface StoredAnswer {
  readonly owner: Owner;
  readonly hash: string;
  readonly shape: string;
  readonly blob: string;
  readonly at: number;
  readonly bytes: number;
  readonly target: string;
  readonly listNanoUsd: number;
  readonly atMs: number;
}

/** One message to a caller's webhook. */
export interface Delivery {
  /** `webhook-id`: the same for every try. */
  readonly id: string;
  /** The batch whose end it tells of; absent: it tells of something else. */
  readonly batchNo?: number;
  readonly url: string;
  readonly body: string;
  readonly tries: number;
  readonly dueAtMs: number;
  readonly createdAtMs: number;
  readonly deliveredAtMs?: number;
  /** It is tried no more. */
  readonly givenUpAtMs?: number;
  /** What came of the last try. */
  readonly lastStatus?: number;
  readonly lastError?: string;
}

export interface DeliveryRows {
  /** Once for an id. */
  add(delivery: Delivery): Promise<void>;
  /** Due, held by nobody; held until `nowMs + leaseMs`. */
  claim(nowMs: number, leaseMs: number, limit: number): Promise<readonly Delivery[]>;
  /** What came of a try; lets it go. Does nothing where it was delivered, or tried more often, meanwhile. */
  record(delivery: Delivery): Promise<void>;
  ofBatch(batchNo: number): Promise<readonly Delivery[]>;
  /** Of those that tell of no batch, which go with theirs. Returns how many. */
  prune(createdBeforeMs: number): Promise<number>;
}

export interface BatchStores {
  readonly files: FileRows;
  readonly batches: BatchRows;
  readonly work: WorkRows;
  readonly items: ItemRows;
  readonly submissions: SubmissionRows;
  readonly answers: AnswerRows;
  readonly deliveries: DeliveryRows;
}
