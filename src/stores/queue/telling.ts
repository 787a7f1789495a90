/** Who is told of the ends of requests. The delivery is kept in the transaction that says so: a crash neither loses it nor makes two. */
import type { Connection } from '../database.ts';
import { addDelivery } from '../deliveries.ts';
import type { QueueRows } from './contract.ts';
import { withBodies } from './reading.ts';
import { isToBeTold } from './tables.ts';

export function createTelling({ database }: Connection): Pick<QueueRows, 'untold' | 'tell'> {
  return {
    async untold(limit) {
      const rows = await database
        .selectFrom('intermodal_queued')
        .selectAll()
        .where(isToBeTold)
        .orderBy('ended_at_ms')
        .limit(limit)
        .execute();
      return withBodies(database, rows);
    },

    tell: (id, delivery) =>
      database.transaction().execute(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('intermodal_queued')
          .set({ told: 1 })
          .where('id', '=', id)
          .where(isToBeTold)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows !== 1n) return false;
        await addDelivery(transaction, delivery);
        return true;
      }),
  };
}
