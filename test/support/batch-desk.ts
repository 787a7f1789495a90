/**
 * A batch desk without a pipeline behind it, for tests of the ways in: faithful to the contract in what callers see, with each item answered
 * by a stub. Bytes are on disk, so that memory tells what the ways in hold; all else is in memory. A batch stays as it was
 * created until `run` is called.
 */
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Batch, ItemError, NewBatch, Owner, StoredFile } from '../../src/batch/contract.ts';
import type { BatchDesk, Page, Paged } from '../../src/batch/desk/contract.ts';
import { nothingDone } from '../../src/batch/nothing-done.ts';
import type { BatchShape, FinalItem, ItemCall } from '../../src/batch/shape/contract.ts';
import { asGatewayError, GatewayError } from '../../src/core/errors.ts';

/** A body to answer with, or an error; `undefined`: the item is never answered. */
export type Stub = (call: ItemCall, customId: string) => object | ItemError | undefined;

export interface TestDesk extends BatchDesk {
  /** Reads a batch's lines, answers each item, writes the results. `end`: how it ends where items were left open. */
  run(id: string, end?: 'expired' | 'cancelled'): Promise<Batch>;
  /** What `create` was given, newest last. */
  readonly created: readonly NewBatch[];
  /** Text of a blob, by its name. */
  blob(name: string): string;
  /** Files and inputs that are kept. */
  readonly blobs: ReadonlySet<string>;
  close(): void;
}

export function createTestDesk(options: {
  readonly shapes: readonly BatchShape[];
  readonly now: () => number;
  readonly stub?: Stub;
}): TestDesk {
  const { shapes, now } = options;
  const stub: Stub =
    options.stub ?? ((call, customId) => call.encodeAnswer(call.answerOf(`answer to ${customId}`)));
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-desk-'));
  const files = new Map<string, StoredFile>();
  const batches = new Map<string, Batch>();
  const created: NewBatch[] = [];
  const blobs = new Set<string>();
  const byKey = new Map<string, string>();
  let count = 0;
  const next = (prefix: string): string => `${prefix}${String(++count).padStart(6, '0')}`;

  async function store(bytes: AsyncIterable<Uint8Array | string>): Promise<{ blob: string; bytes: number }> {
    const blob = next('blob-');
    const path = join(folder, blob);
    try {
      await pipeline(Readable.from(bytes, { objectMode: true }), createWriteStream(path));
    } catch (thrown) {
      rmSync(path, { force: true });
      throw thrown;
    }
    blobs.add(blob);
    return { blob, bytes: statSync(path).size };
  }

  function addRow(owner: Owner, filename: string, purpose: string, kept: Awaited<ReturnType<typeof store>>) {
    const file: StoredFile = { id: next('file-'), owner, filename, purpose, ...kept, createdAtMs: now() };
    files.set(file.id, file);
    return file;
  }

  function owned<T extends { readonly owner: Owner }>(rows: Map<string, T>, owner: Owner, id: string): T {
    const row = rows.get(id);
    if (row === undefined || row.owner !== owner)
      throw new GatewayError('not_found', `There is no "${id.slice(0, 100)}".`);
    return row;
  }

  function change(batch: Batch, changes: Partial<Batch>): Batch {
    const changed = { ...batch, ...changes };
    batches.set(batch.id, changed);
    return changed;
  }

  function page<T extends { readonly id: string }>(
    rows: readonly T[],
    { after, before, limit }: Page,
  ): Paged<T> {
    const at = (id: string): number => {
      const found = rows.findIndex((row) => row.id === id);
      if (found < 0) throw new GatewayError('not_found', `There is no "${id.slice(0, 100)}" to go on from.`);
      return found;
    };
    if (before !== undefined) {
      const upTo = at(before);
      return { data: rows.slice(Math.max(0, upTo - limit), upTo), hasMore: upTo > limit };
    }
    const from = after === undefined ? 0 : at(after) + 1;
    return { data: rows.slice(from, from + limit), hasMore: rows.length > from + limit };
  }

  async function run(id: string, end?: 'expired' | 'cancelled'): Promise<Batch> {
    const batch = batches.get(id);
    const shape = shapes.find((one) => one.id === batch?.shape);
    if (batch === undefined || shape === undefined) throw new Error(`There is no batch ${id}.`);
    const lines: Record<'output' | 'error', string[]> = { output: [], error: [] };
    const counts = { total: 0, done: 0, failed: 0, cancelled: 0, expired: 0 };
    const problems: Batch['problems'][number][] = [];
    const text = readFileSync(join(folder, batch.inputBlob));
    let seq = 0;
    for (let from = 0; from < text.length; ) {
      const found = text.indexOf(0x0a, from);
      const to = found < 0 ? text.length : found;
      const line = text.subarray(from, to);
      from = to + 1;
      counts.total += 1;
      const item = settle(shape, batch, line, ++seq, end, problems);
      counts[item.kind === 'rejected' || item.kind === 'dead' ? 'failed' : item.kind] += 1;
      const written = shape.writeResult(item);
      lines[written.output].push(`${written.line}\n`);
    }
    const outputs: Record<string, string> = {};
    for (const kind of ['output', 'error'] as const)
      if (lines[kind].length > 0) {
        const kept = await store(Readable.from(lines[kind]));
        outputs[kind] = addRow(batch.owner, `${id}_${kind}.jsonl`, 'batch_output', kept).id;
      }
    return change(batch, {
      state: counts.done === 0 && counts.failed === counts.total ? 'failed' : (end ?? 'completed'),
      counts,
      problems,
      outputs,
      runningAtMs: now(),
      finishingAtMs: now(),
      endedAtMs: now(),
      inputTokens: 10 * counts.done,
      outputTokens: 20 * counts.done,
    });
  }

  function settle(
    shape: BatchShape,
    batch: Batch,
    bytes: Buffer,
    seq: number,
    end: 'expired' | 'cancelled' | undefined,
    problems: Batch['problems'][number][],
  ): FinalItem {
    const failed = (
      kind: Exclude<FinalItem['kind'], 'done'>,
      customId: string,
      error: ItemError,
    ): FinalItem => ({
      kind,
      batch,
      customId,
      seq,
      error,
    });
    let customId = '';
    try {
      const line = shape.readLine(bytes, batch);
      customId = line.customId;
      const call = shape.call(line, { id: `item_${seq}`, batch, nowMs: now() });
      const answer = stub(call, customId);
      if (answer === undefined) {
        const kind = end ?? 'expired';
        return failed(kind, customId, {
          code: 'deadline_exceeded',
          message: `The batch was ${kind}.`,
          status: 504,
        });
      }
      if ('code' in answer && 'status' in answer && 'message' in answer)
        return failed('dead', customId, answer as ItemError); // an answer has neither a code nor a status
      const promptHash = 'hash';
      const target = 'openai/gpt-4.1-mini@batch';
      const provenance = { target, attempts: 1, promptHash, costNanoUsd: 1500, listNanoUsd: 3000 };
      return { kind: 'done', batch, customId, seq, body: JSON.stringify(answer), provenance };
    } catch (thrown) {
      const { code, message, status, param } = asGatewayError(thrown);
      problems.push({ line: seq, code, message, ...(param === undefined ? {} : { param }) });
      return failed('rejected', customId, { code, message, status });
    }
  }

  return {
    created,
    blobs,
    run,
    blob: (name) => readFileSync(join(folder, name), 'utf8'),
    close: () => rmSync(folder, { recursive: true }),

    async addFile(owner, file, bytes) {
      const kept = await store(bytes);
      const row = addRow(owner, file.filename, file.purpose, kept);
      if (file.keepMs === undefined) return row;
      const expiring = { ...row, expiresAtMs: row.createdAtMs + file.keepMs };
      files.set(row.id, expiring);
      return expiring;
    },
    file: async (owner, id) => owned(files, owner, id),
    async files(owner, { purpose, ascending, ...rest }) {
      const rows = [...files.values()].filter(
        (file) => file.owner === owner && (purpose === undefined || file.purpose === purpose),
      );
      return page(ascending === true ? rows : rows.reverse(), rest);
    },
    async removeFile(owner, id) {
      const { blob } = owned(files, owner, id);
      files.delete(id);
      blobs.delete(blob);
    },
    readFile: (file) => createReadStream(join(folder, file.blob)),
    addInput: (_owner, lines) => store(lines),

    async create(owner, wanted, team) {
      const key = wanted.idempotencyKey === undefined ? undefined : `${owner} ${wanted.idempotencyKey}`;
      const before = key === undefined ? undefined : byKey.get(key);
      if (before !== undefined) return { batch: owned(batches, owner, before), replayed: true };
      created.push(wanted);
      const shape = shapes.find((one) => one.id === wanted.shape);
      const { input, ...rest } = wanted;
      const source = 'fileId' in input ? owned(files, owner, input.fileId) : input;
      const batch: Batch = {
        ...rest,
        id: next(shape?.idPrefix ?? ''),
        no: count,
        owner,
        ...(team === undefined ? {} : { team }),
        ...('fileId' in input ? { inputFileId: input.fileId } : {}),
        inputBlob: source.blob,
        inputBytes: source.bytes,
        state: 'assembling',
        ...nothingDone,
        createdAtMs: now(),
        deadlineAtMs: now() + wanted.windowMs,
      };
      batches.set(batch.id, batch);
      if (key !== undefined) byKey.set(key, batch.id);
      return { batch, replayed: false };
    },
    batch: async (owner, id) => owned(batches, owner, id),
    async batches(owner, { shape, ...rest }) {
      const rows = [...batches.values()].filter(
        (batch) => batch.owner === owner && (shape === undefined || batch.shape === shape),
      );
      return page(rows.reverse(), rest);
    },
    async cancel(owner, id) {
      const batch = owned(batches, owner, id);
      if (batch.endedAtMs !== undefined) throw new GatewayError('conflict', `The batch ${id} has ended.`);
      return change(batch, { state: 'cancelling', cancellingAtMs: now() });
    },
    async remove(owner, id) {
      const batch = owned(batches, owner, id);
      if (batch.endedAtMs === undefined) throw new GatewayError('conflict', `The batch ${id} has not ended.`);
      batches.delete(id);
    },
    async *readOutput(batch, output) {
      const file = files.get(batch.outputs[output] ?? '');
      if (file !== undefined) yield* createReadStream(join(folder, file.blob));
    },
    submissions: async () => [],
    deadLetters: async () => [],
    retryDead: async () => 0,
  };
}
