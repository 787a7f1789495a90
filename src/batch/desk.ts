/** The batch desk: what callers may ask, each of their own. It writes rows and blobs; the worker does the rest. */
import { GatewayError } from '../core/errors.ts';
import type { Batch, NewBatch, Owner, StoredFile, Submission } from './contract.ts';
import type { BatchDesk, DeadLetter, Page, Paged } from './desk/contract.ts';
import type { BatchWorldInside } from './world.ts';

const endedStates: readonly Batch['state'][] = ['completed', 'failed', 'cancelled', 'expired'];
/** Nobody lists all dead letters of a bad day at once. */
const mostLetters = 1_000;
/** Dead letters are open again long before. */
const reviveMs = 60_000;

export class Desk implements BatchDesk {
  readonly #world: BatchWorldInside;
  readonly #poke: () => void;

  constructor(world: BatchWorldInside, poke: () => void) {
    this.#world = world;
    this.#poke = poke;
  }

  async addFile(
    owner: Owner,
    file: { readonly filename: string; readonly purpose: string; readonly keepMs?: number },
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<StoredFile> {
    const world = this.#world;
    const id = world.makeId('file-');
    const blob = `files/${id}`;
    const written = await world.blobs.write(blob, bytes);
    await world.at('file: before the row');
    const nowMs = world.clock.now();
    const stored: StoredFile = {
      id,
      owner,
      filename: file.filename,
      purpose: file.purpose,
      bytes: written.bytes,
      blob,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + (file.keepMs ?? world.settings().keepMs),
    };
    await world.rows.files.create(stored);
    await world.at('file: after the row');
    return stored;
  }

  async file(owner: Owner, id: string): Promise<StoredFile> {
    const file = await this.#world.rows.files.get(owner, id, this.#world.clock.now());
    if (file === undefined) throw missing('file', id);
    return file;
  }

  files(
    owner: Owner,
    page: Page & { readonly purpose?: string; readonly ascending?: boolean },
  ): Promise<Paged<StoredFile>> {
    return this.#world.rows.files.list(owner, page, this.#world.clock.now());
  }

  async removeFile(owner: Owner, id: string): Promise<void> {
    const file = await this.file(owner, id);
    await this.#world.rows.files.remove(owner, id);
    // A batch that has its lines there keeps the blob; it goes with the batch.
    if (!(await this.#world.rows.batches.refers(file.blob))) await this.#world.blobs.remove(file.blob);
  }

  readFile(file: StoredFile): AsyncIterable<Uint8Array> {
    return this.#world.blobs.read(file.blob);
  }

  async addInput(
    _owner: Owner,
    lines: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly blob: string; readonly bytes: number }> {
    const blob = `inputs/${this.#world.makeId('in-')}`;
    const { bytes } = await this.#world.blobs.write(blob, lines);
    await this.#world.at('input: after the blob');
    return { blob, bytes };
  }

  async create(
    owner: Owner,
    wanted: NewBatch,
    team?: string,
  ): Promise<{ readonly batch: Batch; readonly replayed: boolean }> {
    const world = this.#world;
    const shape = world.shapes.get(wanted.shape);
    if (shape === undefined) throw new GatewayError('internal', `There is no shape "${wanted.shape}".`);
    const { input, ...rest } = wanted;
    const problem = wanted.webhook === undefined ? undefined : world.webhookProblem(wanted.webhook.url);
    if (problem !== undefined) throw new GatewayError('invalid_request', problem, { param: 'webhook' });
    const source =
      'fileId' in input
        ? await this.file(owner, input.fileId).then(({ id, blob, bytes }) => ({
            inputFileId: id,
            inputBlob: blob,
            inputBytes: bytes,
          }))
        : { inputBlob: input.blob, inputBytes: input.bytes };
    const nowMs = world.clock.now();
    await world.at('create: before the row');
    const { batch, existing } = await world.rows.batches.create({
      ...rest,
      ...source,
      id: world.makeId(shape.idPrefix),
      owner,
      createdAtMs: nowMs,
      deadlineAtMs: nowMs + wanted.windowMs,
      ...(team === undefined ? {} : { team }),
    });
    await world.at('create: after the row');
    // What came inline is there already, with the batch that the key made before.
    if (existing && 'blob' in input) await world.blobs.remove(input.blob);
    this.#poke();
    return { batch, replayed: existing };
  }

  async batch(owner: Owner, id: string): Promise<Batch> {
    const batch = await this.#world.rows.batches.get(owner, id);
    if (batch === undefined || batch.deletedAtMs !== undefined) throw missing('batch', id);
    return batch;
  }

  batches(owner: Owner, page: Page & { readonly shape?: string }): Promise<Paged<Batch>> {
    return this.#world.rows.batches.list(owner, page);
  }

  async cancel(owner: Owner, id: string): Promise<Batch> {
    const world = this.#world;
    const batch = await this.batch(owner, id);
    if (endedStates.includes(batch.state))
      throw new GatewayError('conflict', `The batch has ended (${batch.state}) and cannot be cancelled.`);
    const nowMs = world.clock.now();
    await world.at('cancel: before the row');
    await world.rows.batches.move(batch.no, ['assembling', 'running'], 'cancelling', {
      cancellingAtMs: nowMs,
    });
    await world.at('cancel: after the row');
    await world.rows.batches.wake(batch.no, nowMs);
    this.#poke();
    return this.batch(owner, id);
  }

  async remove(owner: Owner, id: string): Promise<void> {
    const world = this.#world;
    const batch = await this.batch(owner, id);
    if (!endedStates.includes(batch.state))
      throw new GatewayError('conflict', `The batch has not ended (${batch.state}); cancel it first.`);
    await world.rows.batches.patch(batch.no, { deletedAtMs: world.clock.now() });
  }

  async *readOutput(batch: Batch, output: 'output' | 'error'): AsyncGenerator<Uint8Array> {
    const id = batch.outputs[output];
    if (id === undefined) return;
    yield* this.readFile(await this.file(batch.owner, id));
  }

  async submissions(owner: Owner, id: string): Promise<readonly Submission[]> {
    return this.#world.rows.submissions.ofBatch((await this.batch(owner, id)).no);
  }

  async deadLetters(owner: Owner, id: string, after: number, limit: number): Promise<readonly DeadLetter[]> {
    const { items } = this.#world.rows;
    const { no } = await this.batch(owner, id);
    const dead = await items.page(no, after, Math.min(mostLetters, limit), { states: ['dead'] });
    const attempts = await items.attempts(
      no,
      dead.map(({ seq }) => seq),
    );
    return dead.map((item) => ({ item, attempts: attempts.filter(({ seq }) => seq === item.seq) }));
  }

  async retryDead(owner: Owner, id: string, windowMs?: number): Promise<number> {
    const world = this.#world;
    const batch = await this.batch(owner, id);
    if (batch.state !== 'completed' && batch.state !== 'expired')
      throw new GatewayError(
        'conflict',
        `Dead letters are tried again once the batch has ended, and it is ${batch.state}.`,
      );
    const nowMs = world.clock.now();
    // Rejected lines count as failed too, and for them alone nothing is begun anew.
    const dead = await world.rows.items.page(batch.no, 0, 1, { states: ['dead'] });
    if (dead.length === 0) return 0;
    // Should we die in between, a batch that runs is looked at all the same.
    await world.rows.batches.wake(batch.no, nowMs + reviveMs);
    const moved = await world.rows.batches.move(batch.no, [batch.state], 'running', {
      deadlineAtMs: nowMs + (windowMs ?? batch.windowMs),
      runningAtMs: nowMs,
    });
    if (!moved) throw new GatewayError('conflict', 'The batch was changed by somebody else; look again.');
    const revived = await world.rows.items.revive(batch.no, nowMs);
    await world.rows.batches.wake(batch.no, nowMs);
    this.#poke();
    return revived;
  }
}

function missing(what: string, id: string): GatewayError {
  return new GatewayError('not_found', `There is no ${what} "${id.slice(0, 100)}".`);
}
