/** What AWS's own clients throw, as one of our kinds. */
import { GatewayError } from '../../core/errors.ts';
import { type AwsFailure, readAwsFailure } from '../../wire/aws/failure.ts';
import { retryAfterMs } from '../../wire/retry-after.ts';
import { awsErrorRows } from '../families/converse/errors.ts';
import { type ErrorRow, readErrorTable } from '../families/error-table.ts';
import { errorRows } from './errors.ts';

/** S3 names its errors otherwise than the rest of AWS. */
const storageRows: readonly ErrorRow[] = [
  {
    type: /^(?:NoSuchBucket|AllAccessDisabled|PermanentRedirect|AuthorizationHeaderMalformed|InvalidToken|KMS)/,
    is: 'upstream_auth',
  },
  { type: /^(?:InternalError|OperationAborted)/, is: 'upstream_fault' },
  { type: /^CredentialsProviderError/, is: 'upstream_auth' },
  // The job or its output is gone; the model is not what is missing.
  { type: /^(?:ResourceNotFound|NoSuchKey|NotFound)/, is: 'not_found' },
  { type: /^Conflict/, is: 'upstream_refused_shape' },
];

export function readClientError(thrown: unknown, nowMs: number): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const failure = readAwsFailure(thrown);
  if (failure.status === undefined || failure.status < 400) return unanswered(failure, thrown);
  const wait = retryAfterMs(failure.headers, nowMs);
  return readErrorTable([...errorRows, ...storageRows, ...awsErrorRows], {
    status: failure.status,
    type: failure.name,
    // S3's errors to HEAD have no text, and the client puts this there.
    message: failure.message === 'UnknownError' ? '' : failure.message,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    ...(failure.requestId === undefined ? {} : { requestId: failure.requestId }),
  });
}

function unanswered({ name, status, timedOut }: AwsFailure, cause: unknown): GatewayError {
  if (name === 'CredentialsProviderError')
    return new GatewayError('upstream_auth', 'No AWS credentials were found for the batch job.', { cause });
  if (status !== undefined)
    return new GatewayError('upstream_malformed', 'AWS’s answer cannot be read.', { cause });
  return timedOut
    ? new GatewayError('upstream_timeout', 'AWS did not answer in time.', { cause })
    : new GatewayError('upstream_unreachable', 'AWS could not be reached, or the connection broke.', {
        cause,
      });
}
