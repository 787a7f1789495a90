/** Words of resellers beyond those of the protocol that they copied. */
import type { GatewayError } from '../../core/errors.ts';
import { asObject, asString } from '../../core/json.ts';
import { type ErrorRow, readErrorTable } from '../families/error-table.ts';
import { chatErrorRows, seeErrorObject } from '../families/openai-chat/errors.ts';

export const errorRows: readonly ErrorRow[] = [
  { status: 402, is: 'quota_exhausted' },
  { message: /insufficient (?:balance|credits?|funds|quota)/i, is: 'quota_exhausted' },
  {
    status: [400, 403],
    message: /(?:incorrect|invalid|expired|missing).{0,20}(?:api[ _-]?)?key/i,
    is: 'upstream_auth',
  },
];

/** The status that an error of one item, or of a job, would have had as an answer of its own. */
const statuses: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  rate_limit_error: 429,
};

/** An error inside an answer that is a success: its own number, or what its type stands for; else it is a server's fault. */
export function readErrorInside(error: unknown): GatewayError {
  const status = statuses[asString(asObject(error)['type']) ?? ''];
  return readErrorTable([...errorRows, ...chatErrorRows], seeErrorObject({ error }, status ?? 200));
}
