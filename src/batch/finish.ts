/**
 * Ends a batch: twins take their originals' answers, the results are written in the caller's shape, in the order of the input, and whoever waits
 * is told. Written anew from the rows each time it is begun, so a crash costs time alone. Each writes blobs of its own: one that was paused
 * past its lease, and goes on, must not touch what another has finished meanwhile.
 */
import { createReadStream } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredAnswer } from '../stores/batch/contract.ts';
import { announcementOf } from './announce.ts';
import type { Batch, StoredFile } from './contract.ts';
import { Results } from './results.ts';
import { folderOf } from './segment.ts';
import type { BatchShape } from './shape/contract.ts';
import type { BatchWorldInside } from './world.ts';

const pageItems = 2_000;
const partBytes = 256 * 1024;

type World = Pick<
  BatchWorldInside,
  'rows' | 'blobs' | 'shapes' | 'settings' | 'events' | 'scratch' | 'makeId' | 'clock' | 'at'
>;

export async function finish(world: World, batch: Batch, signal: AbortSignal): Promise<boolean> {
  const shape = world.shapes.get(batch.shape);
  if (shape === undefined) return false;
  await world.at('finish: before the twins');
  await world.rows.items.settleTwins(batch.no);
  await world.at('finish: after the twins');
  const results = await Results.open(world, batch);
  const outputs: Record<string, string> = {};
  const errors = join(world.scratch, world.makeId('errors_'));
  try {
    await writeFile(errors, '');
    const write = async (output: 'output' | 'error', lines: AsyncIterable<Uint8Array>): Promise<void> => {
      const blob = `${folderOf(batch.no)}/${world.makeId(`${output}-`)}.jsonl`;
      // Among the blobs of the batch before it is there: what a crash leaves goes with the batch.
      await world.rows.items.addSegment(batch.no, blob);
      await world.at(`finish: before the ${output}`);
      const { bytes } = await world.blobs.write(blob, lines);
      await world.at(`finish: after the ${output}`);
      const file = bytes > 0 ? await addFile(world, batch, output, blob, bytes) : undefined;
      if (file !== undefined) outputs[output] = file.id;
      if (file?.blob !== blob) await world.blobs.remove(blob);
    };
    await write('output', linesOf({ world, batch, shape, results }, errors, signal));
    await write('error', createReadStream(errors, { highWaterMark: partBytes }));
  } catch (thrown) {
    if (!(thrown instanceof BrokenOff)) throw thrown;
    return false;
  } finally {
    await results.close();
    await rm(errors, { force: true });
  }
  await world.at('finish: before the outcome');
  const nowMs = world.clock.now();
  const counts = await world.rows.items.counts(batch.no);
  const state =
    batch.cancellingAtMs !== undefined ? 'cancelled' : counts.expired > 0 ? 'expired' : 'completed';
  const patch = { outputs, endedAtMs: nowMs };
  const announcement = await announcementOf(world, { ...batch, ...patch, state, counts });
  const moved = await world.rows.batches.move(batch.no, ['finishing'], state, patch, announcement);
  await world.at('finish: after the outcome');
  const ended = await world.rows.batches.byNo(batch.no);
  if (!moved || ended === undefined) return false;
  world.events.batchEnded(ended);
  // Rejected lines count as failed too, but their caller is told of them, and trying again does not help.
  const dead =
    counts.failed > 0 && (await world.rows.items.page(batch.no, 0, 1, { states: ['dead'] })).length > 0;
  if (dead) world.events.deadLetters(ended, counts.failed);
  return true;
}

/** Fails the write of a blob: half of one must not look like a whole one. */
class BrokenOff extends Error {
  constructor() {
    super('The results of a batch were not written to their end: the claim was lost, or the process stops.');
  }
}

/** One id for each time that the batch has come to its end, so that a crash makes no second file and dead letters tried again a new one. */
async function addFile(
  world: World,
  batch: Batch,
  output: 'output' | 'error',
  blob: string,
  bytes: number,
): Promise<StoredFile | undefined> {
  const round = (batch.finishingAtMs ?? 0).toString(36);
  const id = `file-${output}${batch.id.replace(/^[a-z]+_/, '')}${round}`;
  const nowMs = world.clock.now();
  await world.rows.files.create({
    id,
    owner: batch.owner,
    filename: `${batch.id}_${output}.jsonl`,
    purpose: 'batch_output',
    bytes,
    blob,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + (batch.keepMs ?? world.settings().keepMs),
  });
  // Perhaps another's, who was quicker.
  return world.rows.files.get(batch.owner, id, nowMs);
}

interface Writing {
  readonly world: World;
  readonly batch: Batch;
  readonly shape: BatchShape;
  readonly results: Results;
}

/** Those of the output; those of the error file go there on the way. */
async function* linesOf(
  { world, batch, shape, results }: Writing,
  errors: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let text = '';
  for (let after = 0; ; ) {
    const items = await world.rows.items.page(batch.no, after, pageItems);
    const last = items.at(-1);
    if (signal.aborted) throw new BrokenOff();
    if (last === undefined) break;
    after = last.seq;
    const answers: StoredAnswer[] = [];
    let failed = '';
    const originals = await results.originals(items);
    for (const item of items) {
      answers.push(...results.reusable(item));
      if (shape.unlisted === true) continue;
      const asked = originals.get(item.twinOf ?? 0) ?? item;
      const written = shape.writeResult(await results.final(item, asked));
      if (written.output === 'error') {
        failed += `${written.line}\n`;
        continue;
      }
      text += `${written.line}\n`;
      if (text.length >= partBytes) {
        yield Buffer.from(text, 'utf8');
        text = '';
      }
    }
    if (failed !== '') await appendFile(errors, failed);
    if (answers.length > 0) await world.rows.answers.add(answers);
  }
  if (text.length > 0) yield Buffer.from(text, 'utf8');
}
