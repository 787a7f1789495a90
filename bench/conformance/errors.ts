/** Where each recorded error must land: read by hand from the providers' error pages, not from our tables. The first pattern that fits a case decides. */
import type { ErrorCode } from '../../src/core/errors.ts';

const expected: readonly [RegExp, ErrorCode | readonly ErrorCode[]][] = [
  [/credit|quota/, 'quota_exhausted'],
  [/context|too-long|413-tokens/, 'context_too_long'],
  [/error-413/, 'request_too_large'],
  [/content-filter|content-filtered/, 'content_blocked'],
  [/-401|-403|expired|api-key|model-access|forbidden/, 'upstream_auth'],
  [/404|error-400-model|model-id|deployment/, 'model_not_found'],
  // Google's words for a daily quota and for a minute's are the same; its details decide.
  [/429|throttling/, ['rate_limited', 'quota_exhausted']],
  [/overloaded|529|503|service-unavailable/, 'upstream_overloaded'],
  [/error-500|api-error|internal/, 'upstream_fault'],
  // The model, not the caller, wrote the call that its schema refuses: another answer may be well formed.
  [/tool-use-failed/, 'upstream_malformed'],
  // A shape that the caller wrote, or that a translation made: the first is told, the second moves on.
  [/error-400|legacy-parameter|invalid-beta|vai-/, ['invalid_request', 'upstream_refused_shape']],
];

/** `undefined` where the table has no opinion. */
export function wantedCodes(name: string): readonly ErrorCode[] | undefined {
  const row = expected.find(([pattern]) => pattern.test(name))?.[1];
  if (row === undefined) return undefined;
  return typeof row === 'string' ? [row] : row;
}
