/** Where a job's lines lie before it runs, and its rows after: objects of Cloud Storage, or tables of BigQuery. */
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import type { BatchJob } from '../contract.ts';
import { transferIdleMs, transferMs } from './limits.ts';

export type JobFields = Readonly<Record<string, unknown>>;

export interface BatchPlace {
  /** `inputConfig` and `outputConfig` of a job. Its names hold the job's id, so that no two jobs meet. */
  configs(job: BatchJob): { readonly inputConfig: object; readonly outputConfig: object };
  /** Everything or nothing is written; what was there under the job's name is replaced. */
  write(job: BatchJob, chunks: AsyncIterable<string>): Promise<void>;
  /** Rows of whatever shape, in handfuls. `undefined` stands for one that cannot be read. `fields`: the job, as Google tells it. */
  read(job: BatchJob, fields: JobFields): AsyncIterable<readonly unknown[]>;
  /** Input and output of the job, as far as they are there. */
  remove(job: BatchJob): Promise<void>;
}

/** Writes all of it, bounded in time; throws what `sink` did. */
export async function pour(clock: Clock, chunks: AsyncIterable<string>, sink: Writable): Promise<void> {
  const abort = new AbortController();
  const stop = clock.after(transferMs, () => abort.abort(tooLong()));
  async function* bounded(): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of chunks) {
      // While our own source is read nobody is late.
      const cancel = clock.after(transferIdleMs, () => abort.abort(silent()));
      try {
        yield Buffer.from(chunk);
      } finally {
        cancel();
      }
    }
  }
  try {
    // One piece at a time: they are large.
    const source = Readable.from(bounded(), { objectMode: true, highWaterMark: 1 });
    await pipeline(source, sink, { signal: abort.signal });
  } catch (thrown) {
    throw abort.signal.aborted ? abort.signal.reason : thrown;
  } finally {
    stop();
  }
}

/** Bounds one wait for the other side. */
export async function answered<T>(
  clock: Clock,
  work: Promise<T>,
  stalled: (error: GatewayError) => void,
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const late = clock.after(transferIdleMs, () => {
      const error = silent();
      stalled(error);
      reject(error);
    });
    work.then(resolve, reject).finally(late);
  });
}

function silent(): GatewayError {
  return new GatewayError('upstream_timeout', `Google’s storage was silent for ${transferIdleMs / 1000} s.`);
}

function tooLong(): GatewayError {
  return new GatewayError('upstream_timeout', `The upload took over ${transferMs / 60_000} minutes.`);
}

/** Not no rows: an item of which nothing is told would be sent again, and paid again. */
export function outputGone(): GatewayError {
  return new GatewayError('upstream_fault', 'The output of the job is no longer there.', { retry: 'never' });
}
