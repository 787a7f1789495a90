/** What Bedrock says in words, as recorded or as users have quoted it. Texts change: each row is kept as wide as is safe. */
import type { ErrorRow } from '../families/error-table.ts';

const validation = /^Validation/;

export const errorRows: readonly ErrorRow[] = [
  // "Too many tokens per day, please wait before trying again.": not today.
  { message: /too many tokens per day/i, is: 'quota_exhausted' },
  {
    status: [400, 413],
    message:
      /input is too long|prompt is too long|input tokens? exceed|(?:number of |input )tokens? .*exceeds?|exceeds? (?:the )?(?:model['’]?s )?(?:maximum|context)|maximum context length|too many input tokens/i,
    is: 'context_too_long',
  },
  // A profile is wanted where the plain model id is named: the target's name is wrong.
  { type: validation, message: /on-demand throughput/i, is: 'model_not_found' },
  {
    status: [400, 404],
    message: /model identifier is invalid|end of its life|provided model .*(?:not found|not exist)/i,
    is: 'model_not_found',
  },
  // The account, not the request: access not granted, use case not submitted, calls not allowed yet.
  {
    message:
      /access to the model|is not authorized to perform|use case details have not been submitted|^operation not allowed|INVALID_PAYMENT_INSTRUMENT|subscription/i,
    is: 'upstream_auth',
  },
  { status: 400, message: /content filtering policy|blocked by .*guardrail/i, is: 'content_blocked' },
  // Another target may well take what this model or this API does not.
  {
    type: validation,
    message:
      /^malformed input request|extraneous key|extra inputs are not permitted|(?:does not|doesn['’]t|not) support|is not supported|cannot be provided in the same turn|invalid beta flag/i,
    is: 'upstream_refused_shape',
  },
];
