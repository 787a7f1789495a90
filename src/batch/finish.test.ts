/** Two processes that write the results of one batch, since the first was paused past its lease: the second's stand. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { added, item, lane, makeBatch, noon } from '../../test/support/batch-rows.ts';
import { createFakeClock } from '../../test/support/clock.ts';
import { makeId } from '../core/ids.ts';
import { openBlobs } from '../stores/blobs.ts';
import type { Blobs, Stores } from '../stores/contract.ts';
import { openStores } from '../stores/open.ts';
import { silentEvents } from './alerts.ts';
import type { Batch } from './contract.ts';
import { finish } from './finish.ts';
import { defaultBatchSettings } from './settings.ts';
import type { BatchShape } from './shape/contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'intermodal-finish-'));
after(() => rmSync(folder, { recursive: true }));

const unused = (): never => assert.fail('results are written of what is kept');
const shape: BatchShape = {
  id: 'openai',
  protocols: [],
  idPrefix: 'batch_',
  readLine: unused,
  customIdOf: unused,
  call: unused,
  writeResult: ({ customId }) => ({ output: 'output', line: JSON.stringify({ customId }) }),
};
/** More than are read at once. */
const count = 5_000;
const at = 'finish: before the output';

describe('results that are written twice at once', () => {
  let stores: Stores;
  let blobs: Blobs;
  let batch: Batch;
  let place: string;
  beforeEach(async () => {
    stores = await openStores(':memory:');
    place = mkdtempSync(join(folder, 'blobs-'));
    blobs = await openBlobs(place);
    const { no } = await makeBatch(stores.batch);
    const items = Array.from({ length: count }, (_, index) => item(no, index + 1, { state: 'cancelled' }));
    await stores.batch.items.add(no, 1, added(items, { lanes: [lane(no)] }));
    await stores.batch.batches.move(no, ['assembling'], 'running');
    await stores.batch.batches.move(no, ['running'], 'finishing', { finishingAtMs: noon });
    const found = await stores.batch.batches.byNo(no);
    assert.ok(found !== undefined);
    batch = found;
  });
  afterEach(() => stores.close());

  /** `pause`: before it writes. */
  const write = (signal: AbortSignal, pause?: Promise<void>): Promise<boolean> =>
    finish(
      {
        rows: stores.batch,
        blobs,
        shapes: new Map([[shape.id, shape]]),
        settings: () => defaultBatchSettings,
        events: silentEvents,
        scratch: folder,
        makeId,
        clock: createFakeClock(noon),
        at: (passed) => (passed === at ? pause : undefined),
      },
      batch,
      signal,
    );

  async function isWhole(): Promise<void> {
    const ended = await stores.batch.batches.byNo(batch.no);
    assert.equal(ended?.state, 'completed');
    const file = await stores.batch.files.get(batch.owner, ended.outputs['output'] ?? '', noon);
    assert.ok(file !== undefined);
    let [bytes, lines] = [0, 0];
    for await (const part of blobs.read(file.blob)) {
      bytes += part.byteLength;
      lines += Buffer.from(part).toString().split('\n').length - 1;
    }
    assert.deepEqual({ bytes, lines }, { bytes: file.bytes, lines: count });
    const kept = readdirSync(place, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    assert.deepEqual(
      kept.map(({ name }) => name),
      [file.blob.split('/').at(-1)],
    );
  }

  for (const told of [true, false])
    test(`one that was paused ${told ? 'and told so' : 'and does not know it'} changes nothing`, async () => {
      const pause = Promise.withResolvers<void>();
      const lost = new AbortController();
      const paused = write(lost.signal, pause.promise);
      assert.equal(await write(new AbortController().signal), true);
      if (told) lost.abort();
      pause.resolve();
      assert.equal(await paused, false);
      await isWhole();
    });

  test('one that is stopped keeps nothing, and another does it', async () => {
    const stopped = new AbortController();
    const pause = Promise.withResolvers<void>();
    const first = write(stopped.signal, pause.promise);
    stopped.abort();
    pause.resolve();
    assert.equal(await first, false);
    assert.equal(await write(new AbortController().signal), true);
    await isWhole();
  });
});
