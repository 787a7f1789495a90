/**
 * Batches that single requests are gathered into: made, looked at and taken apart here, for whoever gathers them. On the road they are batches like
 * all others.
 */
import { type ErrorCode, errorKinds } from '../core/errors.ts';
import type { QueuedRequest } from '../queue/contract.ts';
import type { BatchRoad, GatheredBatch } from '../queue/gathering/contract.ts';
import type { Batch, ItemState } from './contract.ts';
import type { BatchDesk } from './desk/contract.ts';
import { Results } from './results.ts';
import type { FinalItem } from './shape/contract.ts';
import type { BatchWorldInside } from './world.ts';

/** How a request becomes a line, and in which shape. */
export interface Lines {
  shapeIdOf(dialect: string): string;
  dialectOf(shapeId: string): string;
  write(request: QueuedRequest): Uint8Array;
}

/** Items that are looked at at once, and answers that are held. */
const pageItems = 1_000;
const pageBytes = 4 * 1024 * 1024;
/** Its deadline may have passed while nothing ran: then it ends at once, each request with the error that says so. */
const leastWindowMs = 1_000;
const finalStates: readonly ItemState[] = ['done', 'rejected', 'dead', 'cancelled', 'expired'];

export function createBatchRoad(world: BatchWorldInside, desk: BatchDesk, lines: Lines): BatchRoad {
  const { rows } = world;
  return {
    async create(flush, deadlineAtMs, first, pages) {
      const input = await desk.addInput(first.owner, writeLines(pages, lines));
      const { batch } = await desk.create(
        first.owner,
        {
          shape: lines.shapeIdOf(first.dialect),
          endpoint: first.operation,
          input,
          windowMs: Math.max(leastWindowMs, deadlineAtMs() - world.clock.now()),
          metadata: {},
          tags: first.tags,
          priority: first.priority,
          idempotencyKey: flush,
        },
        first.team,
      );
      return batch.no;
    },

    async look(batchNo) {
      const batch = await rows.batches.byNo(batchNo);
      return batch === undefined ? undefined : readBatch(batch, lines);
    },

    async *results(batchNo, known) {
      const batch = await rows.batches.byNo(batchNo);
      if (batch === undefined) return;
      let results: Results | undefined;
      try {
        for (let after = 0; ; ) {
          const items = await rows.items.page(batchNo, after, pageItems, { states: finalStates });
          const last = items.at(-1);
          if (last === undefined) return;
          after = last.seq;
          const fresh = items.filter(({ seq }) => !known(seq));
          if (fresh.length === 0) continue;
          results ??= await Results.open(world, batch);
          const originals = await results.originals(fresh);
          let finals: FinalItem[] = [];
          let bytes = 0;
          for (const item of fresh) {
            finals.push(await results.final(item, originals.get(item.twinOf ?? 0) ?? item));
            bytes += item.result?.bytes ?? 0;
            if (bytes < pageBytes) continue;
            yield finals;
            finals = [];
            bytes = 0;
          }
          if (finals.length > 0) yield finals;
        }
      } finally {
        await results?.close();
      }
    },

    async forget(batchNo) {
      // What may be used again lies in its blobs, and is kept as long as that of other batches.
      if (world.settings().reuseMs !== undefined) return;
      const batch = await rows.batches.byNo(batchNo);
      if (batch?.endedAtMs === undefined || batch.deletedAtMs !== undefined) return;
      await rows.batches.patch(batchNo, { deletedAtMs: world.clock.now() });
    },
  };
}

async function* writeLines(
  pages: AsyncIterable<readonly QueuedRequest[]>,
  lines: Lines,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const requests of pages) yield Buffer.concat(requests.map(lines.write));
}

function readBatch(batch: Batch, lines: Lines): GatheredBatch {
  const { total, done, failed, cancelled, expired } = batch.counts;
  const [problem] = batch.state === 'failed' ? batch.problems : [];
  return {
    state: batch.state,
    dialect: lines.dialectOf(batch.shape),
    ended: batch.endedAtMs !== undefined,
    total,
    settled: done + failed + cancelled + expired,
    ...(problem === undefined ? {} : { problem: { code: codeOf(problem.code), message: problem.message } }),
  };
}

/** Problems of a whole batch are of our own codes, or of the words of a way in that these do not come by. */
function codeOf(code: string): ErrorCode {
  const known = Object.keys(errorKinds).find((one): one is ErrorCode => one === code);
  return known ?? 'invalid_request';
}
