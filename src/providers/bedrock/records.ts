/**
 * The lines of a job's input and output.
 *
 * A `recordId` is the last six characters of our job's id and then the item's key in base 36, at least five digits: `0f3k9w0001z`. That is 11
 * letters and digits, the form that AWS's older pages ask for and its examples have, for keys up to 60 million; beyond, it is longer,
 * which newer pages allow. It is unique within a job for certain, as keys are, and two jobs never share an object to read. What
 * the six characters are for is a file put in the wrong place: its records are not taken for ours.
 */
import { asNumber, asObject, asString, isObject } from '../../core/json.ts';
import { type JsonLine, parseLine } from '../../wire/jsonl.ts';
import type { BatchLine, BatchResult } from '../contract.ts';
import { awsErrorRows } from '../families/converse/errors.ts';
import { type ErrorRow, readErrorTable } from '../families/error-table.ts';

const tagLength = 6;
const keyDigits = 5;
/** Base 36 of the largest whole number. */
const mostKeyDigits = 11;

const tagOf = (jobId: string): string => jobId.slice(-tagLength);

export function recordId(jobId: string, key: number): string {
  return tagOf(jobId) + key.toString(36).padStart(keyDigits, '0');
}

/** The key of a record of this job. */
export function readRecordId(jobId: string, id: string): number | undefined {
  const tag = tagOf(jobId);
  if (!id.startsWith(tag)) return undefined;
  const key = Number.parseInt(id.slice(tag.length), 36);
  // Only what we would have written is ours: no other spelling of the same number.
  return Number.isSafeInteger(key) && recordId(jobId, key) === id ? key : undefined;
}

const head = (id: string): string => `{"recordId":"${id}","modelInput":`;
const tail = '}\n';

export const envelopeBytes = head('').length + tagLength + mostKeyDigits + tail.length;

export function writeRecord(jobId: string, { key, body }: BatchLine): string {
  // A body may come as its caller laid it out. Inside strings a line's end is always escaped, so these are blanks.
  return head(recordId(jobId, key)) + body.replace(/[\r\n]+/g, ' ') + tail;
}

/** A row of the output: the input again, with `modelOutput` or `error`. */
export function readRecord(jobId: string, rows: readonly ErrorRow[], line: JsonLine): BatchResult {
  const row = parseLine(line);
  if (!isObject(row)) return unreadable(line, 'is no JSON object');
  const id = asString(row['recordId']);
  const key = id === undefined ? undefined : readRecordId(jobId, id);
  if (key === undefined) return unreadable(line, 'has a recordId that is not of this job');
  if (row['error'] !== undefined && row['error'] !== null)
    return { kind: 'failed', key, error: readRecordError(rows, asObject(row['error'])) };
  const body = row['modelOutput'];
  if (!isObject(body)) return unreadable(line, 'has neither modelOutput nor error');
  return { kind: 'answered', key, body };
}

function unreadable({ number }: JsonLine, problem: string): BatchResult {
  return { kind: 'unreadable', message: `Line ${number} of the output ${problem}.` };
}

/** `{errorCode: 400, errorMessage}`, without a type; the code has been seen as a word too. */
function readRecordError(rows: readonly ErrorRow[], error: Readonly<Record<string, unknown>>) {
  const code = error['errorCode'];
  const status = asNumber(code) ?? asNumber(Number(code)) ?? 500;
  const type = asString(code) ?? (status === 400 ? 'ValidationException' : undefined);
  return readErrorTable([...rows, ...awsErrorRows], {
    status,
    message: asString(error['errorMessage']) ?? '',
    ...(type === undefined ? {} : { type }),
  });
}
