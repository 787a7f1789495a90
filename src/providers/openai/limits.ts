/** OpenAI's limits: Go durations, a project's own share of the tokens, and requests that small accounts have by the day. */
import { createLimitReader, plainLimits } from '../families/openai-chat/limits.ts';

export const readLimits = createLimitReader({
  ...plainLimits,
  moreTokens: 'project-tokens',
  evenRefill: true,
});
