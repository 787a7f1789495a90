/** A job of Bedrock's, and lists of them, as the wire has them. */
import { asString } from '../../core/json.ts';
import type { BatchCall, Job } from './contract.ts';

export interface BedrockJob {
  readonly kind: 'bedrock';
  readonly arn: string;
  readonly name: string;
  readonly token: string | undefined;
  /** The body of the creation, as it came. */
  readonly wanted: Readonly<Record<string, unknown>>;
  readonly input: string;
  /** Key of the engine's objects, with a slash at its end. */
  readonly output: string;
}

const hourMs = 3_600_000;
const iso = (ms: number): string => new Date(ms).toISOString();

/** What lasts no time here is shown for the moment in which it began. */
function statusOf(job: Job<BedrockJob>, nowMs: number): string {
  switch (job.state) {
    case 'validating':
      return nowMs === job.createdAtMs ? 'Submitted' : 'Validating';
    case 'running':
    case 'finishing':
      return nowMs === job.runningAtMs ? 'Scheduled' : 'InProgress';
    case 'cancelling':
      return 'Stopping';
    case 'completed':
      return job.counts.failed > 0 ? 'PartiallyCompleted' : 'Completed';
    case 'failed':
      return 'Failed';
    case 'cancelled':
      return 'Stopped';
    case 'expired':
      return 'Expired';
  }
}

export function writeJob(job: Job<BedrockJob>, nowMs: number): object {
  const { detail, counts, endedAtMs } = job;
  const { wanted } = detail;
  const hours = typeof wanted['timeoutDurationInHours'] === 'number' ? wanted['timeoutDurationInHours'] : 24;
  return {
    jobArn: detail.arn,
    jobName: detail.name,
    modelId: job.model,
    clientRequestToken: detail.token,
    roleArn: wanted['roleArn'],
    status: statusOf(job, nowMs),
    message: job.problems[0]?.message,
    submitTime: iso(job.createdAtMs),
    lastModifiedTime: iso(endedAtMs ?? nowMs),
    endTime: endedAtMs === undefined ? undefined : iso(endedAtMs),
    jobExpirationTime: iso(job.createdAtMs + hours * hourMs),
    timeoutDurationInHours: hours,
    modelInvocationType: asString(wanted['modelInvocationType']) ?? 'InvokeModel',
    inputDataConfig: wanted['inputDataConfig'],
    outputDataConfig: wanted['outputDataConfig'],
    ...(counts.total === 0
      ? {}
      : {
          totalRecordCount: counts.total,
          processedRecordCount: counts.answered + counts.failed,
          successRecordCount: counts.answered,
          errorRecordCount: counts.failed,
        }),
  };
}

/** `jobs` are the newest first. */
export function listJobs(call: BatchCall, jobs: readonly Job<BedrockJob>[]): void {
  const { query } = call;
  const nowMs = call.engine.now();
  const status = query.get('statusEquals');
  const name = query.get('nameContains') ?? '';
  const afterMs = Date.parse(query.get('submitTimeAfter') ?? '');
  const beforeMs = Date.parse(query.get('submitTimeBefore') ?? '');
  const matching = jobs.filter(
    (job) =>
      job.detail.name.includes(name) &&
      (status === null || statusOf(job, nowMs) === status) &&
      !(job.createdAtMs <= afterMs) &&
      !(job.createdAtMs >= beforeMs),
  );
  if (query.get('sortOrder') === 'Ascending') matching.reverse();
  const begin = Number(query.get('nextToken') ?? 0);
  const end = begin + Number(query.get('maxResults') ?? 100);
  call.send(200, {
    invocationJobSummaries: matching.slice(begin, end).map((job) => writeJob(job, nowMs)),
    ...(end < matching.length ? { nextToken: String(end) } : {}),
  });
}
