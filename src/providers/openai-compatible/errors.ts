/** Words of compatible servers that OpenAI does not use. Source: recorded answers and their error pages, November 2026. */
import type { ErrorRow } from '../families/error-table.ts';

export const errorRows: readonly ErrorRow[] = [
  // Groq's own status for a full flex tier.
  { status: 498, is: 'upstream_overloaded' },
  { status: 402, is: 'quota_exhausted' },
  // Moonshot, DeepSeek, xAI, OpenRouter.
  { type: 'exceeded_current_quota_error', is: 'quota_exhausted' },
  {
    message:
      /insufficient (?:balance|credits?|funds)|(?:used|exhausted) all (?:of )?(?:its |your )?(?:available )?credits/i,
    is: 'quota_exhausted',
  },
  {
    status: [400, 401, 403],
    message: /(?:incorrect|invalid|missing).{0,20}api[ _-]?key/i,
    is: 'upstream_auth',
  },
  // OpenRouter's moderation answers 403 with the reasons.
  { status: 403, message: /moderation|flagged/i, is: 'content_blocked' },
  // Groq: the model, not the caller, wrote a call or an answer that does not fit its schema.
  { code: /^(?:tool_use_failed|json_validate_failed)$/, is: 'upstream_malformed' },
  {
    status: [400, 404],
    message: /model.{0,80}(?:does not exist|not found|not supported|not available|decommissioned)/i,
    is: 'model_not_found',
  },
  {
    status: 404,
    message: /no endpoints found/i,
    is: 'model_not_found',
  },
  {
    message:
      /model (?:is )?busy|currently (?:overloaded|loading)|no (?:available|healthy) (?:server|provider|upstream)/i,
    is: 'upstream_overloaded',
  },
  { type: 'engine_overloaded_error', is: 'upstream_overloaded' },
  // llama.cpp while it loads its weights.
  { type: 'unavailable_error', is: 'upstream_overloaded' },
  // llama.cpp's own word for a prompt over the window.
  { type: 'exceed_context_size_error', is: 'context_too_long' },
  // OpenRouter found no provider up.
  { status: 502, is: 'upstream_overloaded' },
];
