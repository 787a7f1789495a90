/** Vertex AI’s own errors. Source: recorded answers and Google’s error pages, November 2026. */
import type { ErrorRow } from '../families/error-table.ts';

export const errorRows: readonly ErrorRow[] = [
  // "Vertex AI API has not been used in project … before or it is disabled."
  { status: 403, message: /has not been used in project|is disabled/i, is: 'upstream_auth' },
  // Partner models answer so until somebody accepts their terms in Model Garden.
  {
    status: [400, 403, 404],
    message: /is not allowed to use Publisher Model|not servable in region/i,
    is: 'model_not_found',
  },
  // The model runs, but not with this project or in this region; another target may have it.
  { status: 400, message: /^(?:Project|Your project).*(?:not allowed|no access)/i, is: 'upstream_auth' },
];
