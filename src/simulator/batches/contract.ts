/**
 * What the simulator's batch engine offers to the batch APIs, and what one of them must be. The engine knows no wire shape: it keeps
 * objects and jobs, lets time pass, decides what goes wrong, asks the API's sync stand-in for the answers and bills them. An API is
 * one file here, named in the list of `batches/apis.ts`: it maps the engine on its provider's paths, fields and files.
 *
 * How an API creates a job: it takes the items from wherever the wire has them (a stored file, the body of the request, written to a
 * stored object first), calls `engine.create`, and acts on the fate: `fail`: a 5xx; `lose`: `call.lose()`; `answer`: the job as JSON.
 * All the rest is done by the engine; polls read `job.state`, `job.counts` and `job.outputs`.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Api, Matched, Refusal, Rendered } from '../apis/contract.ts';

/** Bytes under a key, on disk. Keys are the API's to spell; `INSTANCE/…` keeps instances apart. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly createdAtMs: number;
  /** What the API wrote down beside it. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface ObjectStore {
  /** Streams to disk; what was under the key is replaced once all is written. `append` adds to it instead. */
  write(
    key: string,
    bytes: AsyncIterable<Uint8Array>,
    options?: { readonly append?: boolean },
  ): Promise<StoredObject>;
  /** Writes down beside it, in place of what was there. */
  tag(key: string, tags: Readonly<Record<string, string>>): StoredObject | undefined;
  find(key: string): StoredObject | undefined;
  /** In the order of their keys. */
  list(prefix: string): readonly StoredObject[];
  /** `end` is not included. Nothing where there is no such object. */
  read(key: string, range?: { readonly start?: number; readonly end?: number }): AsyncIterable<Buffer>;
  /** False where there was none. */
  remove(key: string): boolean;
}

/** One request of a job; `body` is what a sync call would have sent. */
export interface JobItem {
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What came of an item, for the API to write as a line. */
export type Outcome =
  /** `body`: what the sync call would have answered. */
  | { readonly kind: 'answered'; readonly item: JobItem; readonly body: object; readonly usage: ItemUsage }
  /** `invalid`: no try would change it. `error`: the provider calls it transient. `rendered`: what the sync call would have answered. */
  | { readonly kind: 'invalid' | 'error'; readonly item: JobItem; readonly rendered: Rendered }
  | { readonly kind: 'expired' | 'cancelled'; readonly item: JobItem };

export interface ItemUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface JobCounts {
  readonly total: number;
  readonly answered: number;
  readonly failed: number;
  readonly expired: number;
  readonly cancelled: number;
}

/** What is wrong with a whole job. `line` is 1-based. */
export interface JobProblem {
  readonly code: string;
  readonly message: string;
  readonly line?: number;
}

export type JobState =
  /** Its input is read and checked. */
  | 'validating'
  | 'running'
  /** Its results are written. */
  | 'finishing'
  | 'cancelling'
  /** These are final. */
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'expired';

export interface Job<Detail = unknown> {
  readonly id: string;
  /** Counts up within an instance, in order of creation. */
  readonly number: number;
  readonly api: string;
  readonly instance: string;
  readonly model: string;
  readonly ourId: string | undefined;
  /** What the API keeps of it. */
  readonly detail: Detail;
  readonly state: JobState;
  /** Grows while it runs; what is not yet done is in `total` alone. */
  readonly counts: JobCounts;
  readonly usage: ItemUsage;
  readonly createdAtMs: number;
  readonly runningAtMs: number | undefined;
  readonly finishingAtMs: number | undefined;
  readonly cancellingAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  /** Of a failed job. */
  readonly problems: readonly JobProblem[];
  /** Its result files once it has ended, by the names that `render` gave; only those with a line. */
  readonly outputs: Readonly<Record<string, StoredObject>>;
}

export type Checked =
  | { readonly ok: true; readonly items: number; readonly inputTokens: number }
  | { readonly ok: false; readonly problems: readonly JobProblem[] };

export interface NewJob<Detail = unknown> {
  /** As the wire spells it; `engine.newId` makes the random part. */
  readonly id: string;
  /** The sync stand-in that answers the items. */
  readonly api: Api;
  readonly instance: string;
  /** What faults and limits go by. */
  readonly model: string;
  /** What the sync call's URL would have told: `{ operation: 'chat' }`, with `model` where no body names it. */
  readonly matched: Matched;
  /** The caller's id, where the provider carries one; told by `/~simulator/jobs`. */
  readonly ourId?: string;
  readonly detail: Detail;
  /** All items, from the beginning, each time that it is called, in handfuls. See `engine.spool` for items that come once. */
  items(): AsyncIterable<readonly JobItem[]>;
  /** Reads the input, as the provider does before a job runs. `engine.count` serves where there is nothing to check. */
  check(): Promise<Checked>;
  /**
   * An outcome as a line without its end, and which of the job's output files it belongs in. A wire that reports fewer outcomes
   * (cancelled items at Vertex) returns undefined for the others. Called once an outcome, in no order.
   */
  render(outcome: Outcome, job: Job<Detail>): { readonly output: string; readonly line: string } | undefined;
  /** A problem of the engine (`enqueued_tokens`, `jobs`, `validation`) in the provider's words. */
  problem?(problem: JobProblem): JobProblem;
  /** Key of the output of a name; absent: `INSTANCE/jobs/ID/NAME`. */
  outputKey?(output: string): string;
  /** Output files that exist even if no line is in them (Azure's error file). */
  readonly emptyOutputs?: readonly string[];
}

/** `fail`: a server error, nothing was created. `lose`: created, but the answer is never sent. */
export type Created<Detail> =
  | { readonly fate: 'answer' | 'lose'; readonly job: Job<Detail> }
  | { readonly fate: 'fail' };

export interface BatchEngine {
  readonly objects: ObjectStore;
  create<Detail>(job: NewJob<Detail>): Created<Detail>;
  /** `detail` must be of the kind that the API's own jobs have: `is` tells. */
  find<Detail>(
    instance: string,
    id: string,
    is: (detail: unknown) => detail is Detail,
  ): Job<Detail> | undefined;
  /** Of an instance, newest first. */
  list<Detail>(instance: string, is: (detail: unknown) => detail is Detail): readonly Job<Detail>[];
  /** Nothing where it has ended, or its results are being written. `cancelling` for a moment, then `cancelled`. */
  cancel(job: Job): void;
  /** What is used up: for providers that refuse at creation; the others' jobs fail with it as their problem, by themselves. */
  shortOf(instance: string, model: string, inputTokens: number): 'jobs' | 'enqueued_tokens' | undefined;
  /** Seconds to wait, where this poll is to be throttled. Ask it before every answer to a poll. */
  throttled(instance: string, model: string): number | undefined;
  /** Items that come only once, kept on disk so that they can be read again. */
  spool(
    key: string,
    items: AsyncIterable<readonly JobItem[]>,
  ): Promise<() => AsyncIterable<readonly JobItem[]>>;
  /** A check that counts items and estimates their tokens. */
  count(items: () => AsyncIterable<readonly JobItem[]>): () => Promise<Checked>;
  /** So many hexadecimal digits, never twice the same. */
  newId(digits: number): string;
  now(): number;
}

/** One HTTP request, offered to a batch API with its body unread. */
export interface BatchCall {
  readonly engine: BatchEngine;
  /** From `/~NAME`, or the API's id. */
  readonly instance: string;
  readonly method: string;
  /** Without `/~NAME`; escapes as they came. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body, to be streamed. What is left of it is drained after `serve`. */
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** The whole body as a JSON object; undefined where it is none or over 1 MB. */
  readJson(): Promise<Readonly<Record<string, unknown>> | undefined>;
  send(status: number, body: object | string, headers?: Readonly<Record<string, string>>): void;
  /** In the words of the sync API's own errors. */
  refuse(
    refusal: Refusal,
    message?: string,
    options?: { readonly status?: number; readonly retryAfterS?: number },
  ): void;
  /** Streams an object, or a range of it, as the body. */
  sendObject(
    object: StoredObject,
    headers: Readonly<Record<string, string>>,
    range?: { readonly start: number; readonly end: number },
  ): Promise<void>;
  /** The connection is reset without an answer. */
  lose(): void;
}

export interface BatchApi {
  /** Its sync stand-in: authorization, refusals and the instance's name where the path has none are taken of it. */
  readonly api: Api;
  /** Whether the request is one of its own. Offered before any sync API sees it, so it must claim no more than that. */
  claims(method: string, path: string, query: URLSearchParams, headers: IncomingHttpHeaders): boolean;
  /** Authorized already, and spared by the faults that all calls have. */
  serve(call: BatchCall): Promise<void>;
}
