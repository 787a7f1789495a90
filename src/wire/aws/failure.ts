/** What an official AWS client throws, read by its shape alone: its classes differ from client to client. */
import { asNumber, asObject, asString, isObject } from '../../core/json.ts';

export interface AwsFailure {
  /** `ThrottlingException`, `NoSuchKey`; of a broken connection Node's own name. */
  readonly name: string;
  readonly message: string;
  /** Absent: nobody answered. */
  readonly status?: number;
  readonly requestId?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** It took too long. AWS's clients call a reset connection a time-out too, which it is not. */
  readonly timedOut: boolean;
  /** The connection was never made, so nothing of the request can have arrived. */
  readonly unsent: boolean;
}

const neverConnected: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

export function readAwsFailure(thrown: unknown): AwsFailure {
  const error = isObject(thrown) ? thrown : {};
  const metadata = asObject(error['$metadata']);
  const status = asNumber(metadata['httpStatusCode']);
  const requestId = asString(metadata['requestId']);
  const code = asString(error['code']) ?? '';
  const name = asString(error['name']) ?? 'Error';
  return {
    name,
    message: asString(error['message']) ?? String(thrown),
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId }),
    headers: headersOf(error),
    timedOut: (name === 'TimeoutError' || name === 'AbortError') && code !== 'ECONNRESET' && code !== 'EPIPE',
    unsent: status === undefined && neverConnected.includes(code),
  };
}

/** `$response` is not enumerable, and its values may be anything. */
function headersOf(error: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(asObject(asObject(error['$response'])['headers'])))
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  return headers;
}
