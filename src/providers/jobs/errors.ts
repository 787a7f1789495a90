/** Words of resellers beyond those of the protocol that they copied. */
import type { ErrorRow } from '../families/error-table.ts';

export const errorRows: readonly ErrorRow[] = [
  { status: 402, is: 'quota_exhausted' },
  { message: /insufficient (?:balance|credits?|funds|quota)/i, is: 'quota_exhausted' },
  {
    status: [400, 403],
    message: /(?:incorrect|invalid|expired|missing).{0,20}(?:api[ _-]?)?key/i,
    is: 'upstream_auth',
  },
];
