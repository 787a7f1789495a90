/** Requests of one owner, newest first, without what they ask and were answered: a page of bodies may be a gigabyte. */
import type { ListedRequest } from '../../queue/contract.ts';
import type { Connection } from '../database.ts';
import { storable } from '../ledger-row.ts';
import type { QueueRows } from './contract.ts';
import { readRow } from './row.ts';

const noAnswer = { answer_status: null, answer_headers: null, answer_body: null };
const noBody = new Uint8Array();
const narrow = [
  'id',
  'owner',
  'team',
  'dialect',
  'operation',
  'model',
  'route',
  'headers',
  'tags',
  'priority',
  'way',
  'group_name',
  'input_tokens',
  'body_bytes',
  'webhook',
  'idempotency_key',
  'state',
  'live',
  'tries',
  'created_at_ms',
  'deadline_at_ms',
  'due_at_ms',
  'rank_ms',
  'held_until_ms',
  'fence',
  'flush',
  'batch_no',
  'batch_seq',
  'cost_nano_usd',
  'ended_at_ms',
  'told',
] as const;

export function createListing({ database }: Connection): Pick<QueueRows, 'list'> {
  return {
    async list(owner, limit, after) {
      let query = database
        .selectFrom('intermodal_queued')
        .select(narrow)
        .where('owner', '=', storable(owner))
        // Ids begin with the time that they were made.
        .orderBy('id', 'desc')
        .limit(limit);
      if (after !== undefined) query = query.where('id', '<', storable(after));
      return (await query.execute()).map((row): ListedRequest => {
        const { body: _body, ...request } = readRow({ ...row, ...noAnswer }, noBody);
        return request;
      });
    },
  };
}
