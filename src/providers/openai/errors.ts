/** OpenAI’s own error words, beyond those that every Chat Completions server shares. Source: the error codes guide and recorded answers, November 2026. */
import type { ErrorRow } from '../families/error-table.ts';

export const errorRows: readonly ErrorRow[] = [
  // Flex processing found no room: not charged, and another tier or target may have some.
  { status: 429, code: 'resource_unavailable', is: 'upstream_overloaded' },
  { status: 429, message: /resource unavailable/i, is: 'upstream_overloaded' },
  // Our account's state, never the caller's mistake.
  {
    code: /^(?:unsupported_country_region_territory|account_deactivated|organization_deactivated)$/,
    is: 'upstream_auth',
  },
  { code: 'mismatched_organization', is: 'upstream_auth' },
  // Images and prompts that OpenAI's own safety system refuses.
  {
    status: 400,
    code: /^(?:moderation_blocked|invalid_prompt|cyber_policy_violation)$/,
    is: 'content_blocked',
  },
  { status: 503, message: /slow down/i, is: 'rate_limited' },
];
