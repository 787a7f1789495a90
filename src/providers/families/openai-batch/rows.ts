/** Lines of the output and the error file: one parser for both, since servers do not agree on what goes where. */
import { GatewayError } from '../../../core/errors.ts';
import { asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import { type JsonLine, parseLine } from '../../../wire/jsonl.ts';
import type { BatchResult, FailedResponse } from '../../contract.ts';
import { batchError } from './errors.ts';

export const customId = (jobId: string, key: number): string => `${jobId}-${key}`;

/** `undefined` where the id is not of this job. */
export function keyOf(jobId: string, id: string | undefined): number | undefined {
  if (id === undefined || !id.startsWith(`${jobId}-`)) return undefined;
  const digits = id.slice(jobId.length + 1);
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
}

export function readRow(
  line: JsonLine,
  jobId: string,
  readError: (response: FailedResponse) => GatewayError,
): BatchResult {
  const row = parseLine(line);
  // Never the line itself: it holds an answer.
  if (!isObject(row)) return { kind: 'unreadable', message: `Line ${line.number} is not a JSON object.` };
  const key = keyOf(jobId, asString(row['custom_id']));
  if (key === undefined)
    return { kind: 'unreadable', message: `Line ${line.number} has no custom_id of this job.` };
  if (isObject(row['response'])) return readResponse(key, row['response'], readError);
  const error = asObject(row['error']);
  const code = asString(error['code']);
  if (code === 'batch_expired') return { kind: 'expired', key };
  if (code === 'batch_cancelled') return { kind: 'cancelled', key };
  return { kind: 'failed', key, error: batchError(code, asString(error['message'])) };
}

/** Only a success with a body is an answer: rows with `status_code: 0` have been seen in output files. */
function readResponse(
  key: number,
  response: Readonly<Record<string, unknown>>,
  readError: (response: FailedResponse) => GatewayError,
): BatchResult {
  const status = asNumber(response['status_code']) ?? 0;
  const body = response['body'];
  if (status >= 200 && status < 300) {
    if (isObject(body)) return { kind: 'answered', key, body };
    return { kind: 'failed', key, error: new GatewayError('upstream_malformed', 'The answer has no body.') };
  }
  const requestId = asString(response['request_id']);
  const headers: Readonly<Record<string, string>> =
    requestId === undefined ? {} : { 'x-request-id': requestId };
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
  return {
    kind: 'failed',
    key,
    error: readError({ status: status < 400 ? 500 : status, headers, body: text }),
  };
}
