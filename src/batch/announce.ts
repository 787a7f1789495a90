/** What a caller's webhook is told of the end of its batch. Those who submit jobs are told the results themselves, where they are not large. */
import type { Delivery } from '../stores/batch/contract.ts';
import type { Batch } from './contract.ts';
import { deliveryOf } from './webhooks/message.ts';
import type { BatchWorldInside } from './world.ts';

/** More is not pushed at anybody; it is there to be fetched. */
const mostResultBytes = 8 * 1024 * 1024;

type World = Pick<BatchWorldInside, 'rows' | 'blobs' | 'shapes' | 'clock'>;

/** To be stored with the end itself, in one transaction: a crash between the two would leave a caller waiting for ever. */
export async function announcementOf(world: World, ended: Batch): Promise<Delivery | undefined> {
  if (ended.webhook === undefined) return undefined;
  const pushes = world.shapes.get(ended.shape)?.pushesResults === true;
  return deliveryOf(ended, world.clock.now(), pushes ? await resultsOf(world, ended) : undefined);
}

/** The lines of its output as one list. */
async function resultsOf(world: World, batch: Batch): Promise<string | undefined> {
  const id = batch.outputs['output'];
  const file = id === undefined ? undefined : await world.rows.files.get(batch.owner, id, world.clock.now());
  if (file === undefined || file.bytes > mostResultBytes) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of world.blobs.read(file.blob)) parts.push(part);
  return `[${Buffer.concat(parts).toString('utf8').trimEnd().replaceAll('\n', ',')}]`;
}
