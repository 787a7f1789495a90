import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../../core/errors.ts';
import { readErrorTable } from '../error-table.ts';
import { geminiErrorRows, hideProject, readGeminiError, readGeminiErrorInside } from './errors.ts';

const rpc = 'type.googleapis.com/google.rpc.';

function body(code: number, status: string, message: string, details: readonly object[] = []): object {
  return { error: { code, status, message, ...(details.length === 0 ? {} : { details }) } };
}

function quota(quotaId: string): object {
  return { '@type': `${rpc}QuotaFailure`, violations: [{ quotaMetric: 'x', quotaId }] };
}

const delay = (retryDelay: string): object => ({ '@type': `${rpc}RetryInfo`, retryDelay });

const table: readonly (readonly [string, number, unknown, ErrorCode, number | undefined])[] = [
  [
    'a wrong key is a 400 here',
    400,
    body(400, 'INVALID_ARGUMENT', 'API key not valid. Please pass a valid API key.', [
      { '@type': `${rpc}ErrorInfo`, reason: 'API_KEY_INVALID' },
    ]),
    'upstream_auth',
    undefined,
  ],
  [
    'an expired token',
    401,
    body(401, 'UNAUTHENTICATED', 'Request had invalid authentication credentials.'),
    'upstream_auth',
    undefined,
  ],
  [
    'a missing permission',
    403,
    body(403, 'PERMISSION_DENIED', "Permission 'aiplatform.endpoints.predict' denied"),
    'upstream_auth',
    undefined,
  ],
  [
    'too many tokens',
    400,
    body(
      400,
      'INVALID_ARGUMENT',
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
    ),
    'context_too_long',
    undefined,
  ],
  [
    'throttled',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'Resource exhausted. Please try again later.'),
    'rate_limited',
    undefined,
  ],
  [
    'throttled by the minute, with a delay',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [
      quota('GenerateRequestsPerMinutePerProjectPerModel'),
      delay('34.07s'),
    ]),
    'rate_limited',
    34_070,
  ],
  [
    'a day’s quota, whatever the delay says',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.', [
      quota('GenerateRequestsPerDayPerProjectPerModel-FreeTier'),
      delay('12s'),
    ]),
    'quota_exhausted',
    undefined,
  ],
  [
    'a day’s quota beside a minute’s',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'You exceeded your current quota.\nPlease retry in 48.9s.', [
      {
        '@type': `${rpc}QuotaFailure`,
        violations: [
          { quotaId: 'GenerateContentInputTokensPerModelPerMinute-FreeTier' },
          { quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' },
        ],
      },
      delay('48s'),
    ]),
    'quota_exhausted',
    undefined,
  ],
  [
    'a delay in words alone',
    429,
    body(429, 'RESOURCE_EXHAUSTED', 'Please retry in 2.5s.'),
    'rate_limited',
    2500,
  ],
  [
    'an array around it',
    503,
    [body(503, 'UNAVAILABLE', 'The model is overloaded.')],
    'upstream_overloaded',
    undefined,
  ],
  [
    'an unknown model',
    404,
    body(404, 'NOT_FOUND', 'Publisher Model was not found'),
    'model_not_found',
    undefined,
  ],
  [
    'a server’s fault',
    500,
    body(500, 'INTERNAL', 'An internal error has occurred.'),
    'upstream_fault',
    undefined,
  ],
  ['out of time', 504, body(504, 'DEADLINE_EXCEEDED', 'Deadline expired.'), 'upstream_timeout', undefined],
  [
    'a shape of ours',
    400,
    body(400, 'INVALID_ARGUMENT', 'Invalid JSON payload received. Unknown name "x" at \'tools[0]\''),
    'upstream_refused_shape',
    undefined,
  ],
  [
    'a signature that we lost',
    400,
    body(400, 'INVALID_ARGUMENT', 'Function call is missing a thought_signature in functionCall parts.'),
    'upstream_refused_shape',
    undefined,
  ],
  [
    'anything else is the caller’s',
    400,
    body(400, 'INVALID_ARGUMENT', 'Unable to process input image.'),
    'invalid_request',
    undefined,
  ],
  ['no JSON at all', 502, '<html>', 'upstream_fault', undefined],
  ['an empty body', 429, '', 'rate_limited', undefined],
];

describe('Google’s errors', () => {
  for (const [name, status, shape, code, retryAfterMs] of table) {
    test(`${name}: ${code}`, () => {
      const text = typeof shape === 'string' ? shape : JSON.stringify(shape);
      const error = readErrorTable(geminiErrorRows, readGeminiError({ status, headers: {}, body: text }, 0));
      assert.equal(error.code, code);
      assert.equal(error.retryAfterMs, retryAfterMs);
    });
  }

  test('a longer wait in a header wins over a shorter one in the body', () => {
    const text = JSON.stringify(body(429, 'RESOURCE_EXHAUSTED', 'slow down', [delay('2s')]));
    const seen = readGeminiError({ status: 429, headers: { 'retry-after': '7' }, body: text }, 0);
    assert.equal(seen.retryAfterMs, 7000);
  });

  test('inside a stream its own code stands for a status', () => {
    assert.equal(readGeminiErrorInside([], body(429, 'RESOURCE_EXHAUSTED', 'x')).code, 'rate_limited');
    assert.equal(readGeminiErrorInside([], { error: { message: 'odd' } }).code, 'upstream_fault');
  });

  test('projects are not told', () => {
    const hidden = hideProject(
      'Vertex AI API has not been used in project 482910334455 before. See https://console.example.com/api?project=482910334455. consumer project_number:482910334455',
    );
    assert.doesNotMatch(hidden, /482910334455/);
    assert.match(hidden, /used in project \[redacted\] before/);
  });
});
