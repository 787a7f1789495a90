/** A gateway before a desk that answers items by their names: `dead…` fails, `open…` is never answered. Two keys may ask. */
import { batchFolders } from '../../src/gateway/batches/registry.ts';
import { dialectFolders } from '../../src/gateway/dialects/registry.ts';
import type { Stores } from '../../src/stores/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import { createTestDesk, type TestDesk } from './batch-desk.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';
import { addKey } from './keys.ts';

const dialects = dialectFolders.flatMap((folder) => folder.dialects);
/** Of every way in. */
export const batchShapes = batchFolders.map((folder) => folder.shape(dialects));

export interface DeskGateway {
  readonly desk: TestDesk;
  readonly stores: Stores;
  readonly gateway: TestGateway;
  readonly key: string;
  readonly otherKey: string;
  close(): Promise<void>;
}

export async function startDeskGateway(): Promise<DeskGateway> {
  const desk = createTestDesk({
    shapes: batchShapes,
    now: () => Date.now(),
    stub: (call, customId) =>
      customId.startsWith('dead')
        ? { code: 'upstream_overloaded', message: 'Nobody answered.', status: 503 }
        : customId.startsWith('open')
          ? undefined
          : call.encodeAnswer(call.answerOf(`answer to ${customId}`)),
  });
  const stores = await openStores(':memory:');
  const key = await addKey(stores, 'search', { team: 'web' });
  const otherKey = await addKey(stores, 'other');
  const gateway = await startTestGateway({ desk, stores, maxUploadBytes: 2_000_000 });
  return {
    desk,
    stores,
    gateway,
    key,
    otherKey,
    async close() {
      await gateway.close();
      desk.close();
    },
  };
}
