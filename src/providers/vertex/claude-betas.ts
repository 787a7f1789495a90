/**
 * Beta flags that Claude on Vertex takes. An unknown one is a 400 ("invalid beta flag"), so callers' other flags are left out. Ages
 * fast; source: Anthropic's Vertex notes and what other gateways let through, November 2026.
 */
export const vertexBetas: readonly string[] = [
  'compact-2026-01-12',
  'compact-2026-09-04',
  'computer-use-2025-01-24',
  'computer-use-2025-11-24',
  'context-1m-2025-08-07',
  'context-management-2025-06-27',
  'dangerous-tool-use-2026-09-03',
  'interleaved-thinking-2025-05-14',
  'per-turn-control-2026-07-01',
  'thinking-binding-controls-2026-08-01',
  'thinking-display-updates-2026-08-18',
  'tool-search-tool-2025-10-19',
  'web-search-2025-03-05',
];
