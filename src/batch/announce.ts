/** Tells a caller's webhook that its batch has ended. Those who submit jobs are told the results themselves, where they are not large. */
import type { Batch } from './contract.ts';
import type { BatchWorldInside } from './world.ts';

/** More is not pushed at anybody; it is there to be fetched. */
const mostResultBytes = 8 * 1024 * 1024;

export async function announce(world: BatchWorldInside, batch: Batch): Promise<void> {
  if (batch.webhook === undefined) return;
  const pushes = world.shapes.get(batch.shape)?.pushesResults === true;
  await world.webhooks().announce(batch, pushes ? await resultsOf(world, batch) : undefined);
}

/** The lines of its output as one list. */
async function resultsOf(world: BatchWorldInside, batch: Batch): Promise<string | undefined> {
  const id = batch.outputs['output'];
  const file = id === undefined ? undefined : await world.rows.files.get(batch.owner, id, world.clock.now());
  if (file === undefined || file.bytes > mostResultBytes) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of world.blobs.read(file.blob)) parts.push(part);
  return `[${Buffer.concat(parts).toString('utf8').trimEnd().replaceAll('\n', ',')}]`;
}
