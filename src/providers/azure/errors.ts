/** Azure OpenAI’s own errors. Source: recorded answers and Azure’s error pages, November 2026. */
import type { ErrorRow } from '../families/error-table.ts';

export const errorRows: readonly ErrorRow[] = [
  // Flex processing found no room, in OpenAI's words or Azure's own.
  { status: 429, code: /^resource_?unavailable$/i, is: 'upstream_overloaded' },
  { status: 429, message: /resource unavailable/i, is: 'upstream_overloaded' },
  { code: 'DeploymentNotFound', is: 'model_not_found' },
  { code: 'ResponsibleAIPolicyViolation', is: 'content_blocked' },
  { status: 400, message: /content management policy/i, is: 'content_blocked' },
  { code: 'InsufficientQuota', is: 'quota_exhausted' },
  // Capacity of the region, not our quota: another region may have room.
  { status: 429, message: /high demand|no capacity/i, is: 'upstream_overloaded' },
  { code: /^(?:429|RateLimitReached|too_many_requests|TooManyRequests)$/, is: 'rate_limited' },
  { code: /^(?:401|403|PermissionDenied|AuthenticationFailed|AccessDenied)$/, is: 'upstream_auth' },
  { code: /^(?:DeploymentNotReady|ServiceUnavailable|NoCapacity)$/, is: 'upstream_overloaded' },
  // The resource or the path is wrong: no deployment is named. Never the caller's mistake.
  { status: 404, code: '404', is: 'upstream_fault', retry: 'other' },
  { status: [400, 404], message: /api version not supported/i, is: 'upstream_fault', retry: 'other' },
  { code: /^(?:OperationNotSupported|unsupported_api_version)$/, is: 'upstream_refused_shape' },
];
