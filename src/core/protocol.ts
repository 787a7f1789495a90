/**
 * Wire protocols. A dialect (what a client speaks to us) and a target (what we speak upstream) that name the same
 * protocol may exchange bodies untouched; all others meet in the neutral form.
 */
export type Protocol =
  | 'openai-chat'
  | 'openai-embeddings'
  | 'anthropic-messages'
  | 'anthropic-count-tokens'
  | 'gemini'
  | 'converse'
  | 'other';
