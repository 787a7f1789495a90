/** All rows of batch work on one connection. */
import type { Connection } from '../database.ts';
import { createDeliveryRows } from '../deliveries.ts';
import { createAnswerRows } from './answers.ts';
import { createBatchRows } from './batches.ts';
import type { BatchStores } from './contract.ts';
import { createFileRows } from './files.ts';
import { createItemRows } from './items.ts';
import { createSubmissionRows } from './submissions.ts';
import { createWorkRows } from './work.ts';

export function createBatchStores(connection: Connection): BatchStores {
  return {
    files: createFileRows(connection),
    batches: createBatchRows(connection),
    work: createWorkRows(connection),
    items: createItemRows(connection),
    submissions: createSubmissionRows(connection),
    answers: createAnswerRows(connection),
    deliveries: createDeliveryRows(connection),
  };
}
