/** Removes what is kept no longer: files past their time, batches that ended long ago or were deleted, with all their rows and blobs. */
import type { Batch } from './contract.ts';
import type { BatchWorldInside } from './world.ts';

const mostAtOnce = 100;

type World = Pick<BatchWorldInside, 'clock' | 'settings' | 'rows' | 'blobs'>;

/** Returns how many files and batches went. */
export async function sweep(world: World): Promise<number> {
  const nowMs = world.clock.now();
  const { keepMs, reuseMs } = world.settings();
  let gone = 0;
  for (const file of await world.rows.files.expired(nowMs, mostAtOnce)) {
    // The blob first: a row without one says so, a blob without a row would stay for ever. Lines of a batch go with the batch.
    if (!(await world.rows.batches.refers(file.blob))) await world.blobs.remove(file.blob);
    await world.rows.files.remove(file.owner, file.id);
    gone += 1;
  }
  for (const batch of await world.rows.batches.ended(nowMs - keepMs, mostAtOnce)) {
    await erase(world, batch);
    gone += 1;
  }
  await world.rows.deliveries.prune(nowMs - keepMs);
  await world.rows.answers.prune(nowMs - Math.max(keepMs, reuseMs ?? 0));
  return gone;
}

async function erase(world: World, batch: Batch): Promise<void> {
  for (const { blob } of await world.rows.items.segments(batch.no)) await world.blobs.remove(blob);
  for (const id of Object.values(batch.outputs)) {
    const file = await world.rows.files.get(batch.owner, id, 0);
    if (file === undefined) continue;
    await world.blobs.remove(file.blob);
    await world.rows.files.remove(batch.owner, id);
  }
  const input =
    batch.inputFileId === undefined
      ? undefined
      : await world.rows.files.get(batch.owner, batch.inputFileId, 0);
  if (input === undefined && !(await world.rows.batches.refers(batch.inputBlob, batch.no)))
    await world.blobs.remove(batch.inputBlob);
  await world.rows.batches.erase(batch.no);
}
