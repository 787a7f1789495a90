/**
 * Beta flags that Bedrock takes for Claude: those of AWS's page on Claude's Messages body, as known at the end of 2025. A flag that it does
 * not know costs the whole request ("invalid beta flag"), one left out costs a feature; so a flag in doubt is not listed.
 */
export const claudeBetas: readonly string[] = [
  'computer-use-2025-01-24',
  'token-efficient-tools-2025-02-19',
  'interleaved-thinking-2025-05-14',
  'output-128k-2025-02-19',
  'dev-full-thinking-2025-05-14',
  'context-1m-2025-08-07',
  'context-management-2025-06-27',
  'effort-2025-11-24',
  'tool-search-tool-2025-10-19',
  'tool-examples-2025-10-29',
];
