/**
 * Batch jobs of Vertex AI, for Gemini and for Claude alike: lines are written where Google reads them, a `BatchPredictionJob` is made,
 * and its rows are read from where Google wrote them.
 *
 * A job carries our id as its name and as a label, by which its list is searched; nobody refuses a second job of the same name, so
 * one whose answer was lost is looked for and never made again here.
 */
import { GatewayError } from '../../core/errors.ts';
import { asArray, asObject, asString, isObject } from '../../core/json.ts';
import type {
  BatchEndpoint,
  BatchJob,
  BatchLimits,
  BatchLine,
  BatchResult,
  FailedResponse,
  JobStatus,
  Submitted,
} from '../contract.ts';
import type { Answered, Jobs } from './batch-jobs.ts';
import { type Publisher, readRow, writeLine } from './batch-lines.ts';
import type { BatchPlace, JobFields } from './batch-place.ts';
import { readJobStatus } from './batch-states.ts';
import { readThrown } from './google-client.ts';
import { jobsPerPage, mostPages } from './limits.ts';

const jobLabel = 'intermodal_job';
/** Lines are handed on in pieces of about this many characters: a write for each would cost more than the line. */
const pieceCharacters = 256 * 1024;
/** The forms of a handle; anything else would be a path of its own in the address of a call. */
const handleForm = /^projects\/[\w.:-]+\/locations\/[\w-]+\/batchPredictionJobs\/[\w-]+$/;

export interface BatchOptions {
  readonly publisher: Publisher;
  /** As Vertex spells it. */
  readonly model: string;
  readonly limits: BatchLimits;
  readonly jobs: Jobs;
  readonly place: BatchPlace;
  /** The sync endpoint's own. */
  readonly readError: (response: FailedResponse) => GatewayError;
}

export function createBatch(options: BatchOptions): BatchEndpoint {
  const { jobs, place, readError } = options;

  async function fetchJob(handle: string): Promise<JobFields> {
    return succeed(await jobs.get(checkHandle(handle)), readError);
  }

  return {
    limits: options.limits,
    async submit(job, lines) {
      const source = watched(lines);
      try {
        await place.write(job, spellLines(options.publisher, job, source.lines));
      } catch (thrown) {
        source.rethrow();
        // Without its lines no job was made.
        return { kind: 'refused', error: readThrown('The provider’s storage', thrown) };
      }
      const submitted = await create(options, job);
      // Nobody will read them; that they cannot be removed changes nothing of what is to be told.
      if (submitted.kind === 'refused') await place.remove(job).catch(() => undefined);
      return submitted;
    },
    async find(job, known) {
      let pageToken: string | undefined;
      for (let page = 0; page < mostPages; page++) {
        const body = succeed(
          await jobs.list(`labels.${jobLabel}="${job.id}"`, jobsPerPage, pageToken),
          readError,
        );
        for (const listed of asArray(body['batchPredictionJobs'])) {
          const handle = handleOf(listed, job);
          if (handle !== undefined && !(await known(handle))) return { kind: 'found', handle };
        }
        pageToken = asString(body['nextPageToken']);
        if (pageToken === undefined || pageToken === '') break;
      }
      return { kind: 'absent' };
    },
    async poll(handle): Promise<JobStatus> {
      return readJobStatus(await fetchJob(handle), readError);
    },
    async cancel(handle) {
      const answer = await jobs.cancel(checkHandle(handle));
      if (answer.kind === 'success') return;
      // One that has ended cannot be cancelled, and need not be.
      if (answer.kind === 'refusal' && answer.response.status === 400) {
        const status = readJobStatus(await fetchJob(handle), readError);
        if (status.kind === 'ended') return;
      }
      succeed(answer, readError);
    },
    async *results(handle, job) {
      const fields = await fetchJob(handle);
      for await (const rows of place.read(job, fields))
        yield rows.map((row): BatchResult => {
          if (!isObject(row))
            return { kind: 'unreadable', message: 'A line of the output is no JSON object.' };
          return readRow(row, job, options);
        });
    },
    discard: (_handle, job) => place.remove(job),
  };
}

async function create(
  { jobs, place, publisher, model, readError }: BatchOptions,
  job: BatchJob,
): Promise<Submitted> {
  let answer: Answered;
  try {
    answer = await jobs.create({
      displayName: job.id,
      model: `publishers/${publisher}/models/${model}`,
      ...place.configs(job),
      labels: { [jobLabel]: job.id },
    });
  } catch (thrown) {
    // No token: nothing was sent.
    return { kind: 'refused', error: readThrown('The provider', thrown) };
  }
  switch (answer.kind) {
    case 'success': {
      const handle = asString(answer.body['name']);
      if (handle !== undefined && handleForm.test(handle)) return { kind: 'accepted', handle };
      const error = new GatewayError('upstream_malformed', 'The provider made a job and did not name it.');
      return { kind: 'unknown', error };
    }
    case 'refusal': {
      const { status } = answer.response;
      // A conflict or a time-out may be about a job that is there.
      const unsure = status >= 500 || status < 400 || [408, 409, 499].includes(status);
      return { kind: unsure ? 'unknown' : 'refused', error: readError(answer.response) };
    }
    case 'unsent':
      return { kind: 'refused', error: answer.error };
    case 'lost':
      return { kind: 'unknown', error: answer.error };
  }
}

function succeed(answer: Answered, readError: BatchOptions['readError']): JobFields {
  switch (answer.kind) {
    case 'success':
      return answer.body;
    case 'refusal':
      throw readError(answer.response);
    case 'unsent':
    case 'lost':
      throw answer.error;
  }
}

function checkHandle(handle: string): string {
  if (handleForm.test(handle)) return handle;
  throw new GatewayError('internal', 'The handle is not the name of a job at Vertex AI.');
}

/** The filter is the provider's to apply; a job that carries no id of ours is not ours whatever the list says. */
function handleOf(listed: unknown, job: BatchJob): string | undefined {
  const { name, displayName, labels } = asObject(listed);
  const ours = asObject(labels)[jobLabel] === job.id || displayName === job.id;
  const handle = asString(name);
  return ours && handle !== undefined && handleForm.test(handle) ? handle : undefined;
}

async function* spellLines(
  publisher: Publisher,
  job: BatchJob,
  lines: AsyncIterable<readonly BatchLine[]>,
): AsyncGenerator<string, void, undefined> {
  let piece = '';
  for await (const handful of lines)
    for (const line of handful) {
      piece += writeLine(publisher, job, line);
      if (piece.length < pieceCharacters) continue;
      yield piece;
      piece = '';
    }
  if (piece !== '') yield piece;
}

/** Tells what the source of the lines threw from what writing them did. */
function watched(lines: AsyncIterable<readonly BatchLine[]>) {
  let failure: { readonly reason: unknown } | undefined;
  async function* watch(): AsyncGenerator<readonly BatchLine[], void, undefined> {
    const source = lines[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await source.next().catch((reason: unknown) => {
          failure = { reason };
          throw reason;
        });
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await source.return?.();
    }
  }
  return {
    lines: watch(),
    rethrow(): void {
      if (failure !== undefined) throw failure.reason;
    },
  };
}
