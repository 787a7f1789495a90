/**
 * What Google's client libraries need of us: the token that our own calls have too, and a reader for what they throw. They may retry
 * nothing by themselves: whoever asked decides.
 */
import type { AuthClient } from 'google-auth-library';
import { GatewayError } from '../../core/errors.ts';
import { asNumber, asObject, asString } from '../../core/json.ts';
import { type ErrorRow, readErrorTable, redact } from '../families/error-table.ts';
import { hideProject } from '../families/gemini/errors.ts';
import type { Authenticate } from './auth.ts';

/** A credential for the libraries that hands out our headers. Ours is of the version of google-auth-library that they bring, so that one type serves all. */
export async function createCredential(authenticate: Authenticate): Promise<AuthClient> {
  const { PassThroughClient } = await import('google-auth-library');
  return new (class extends PassThroughClient {
    override async getRequestHeaders(): Promise<Headers> {
      return new Headers(await authenticate());
    }
  })();
}

/** What is wrong with a bucket or a dataset is wrong with our account: another target may have it, and somebody must be told. */
const rows: readonly ErrorRow[] = [
  { status: [401, 403, 404], is: 'upstream_auth' },
  { status: [400, 405, 409, 411, 412, 413], is: 'upstream_refused_shape' },
];

/** Network errors that say that nothing got through. */
export const unsentCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Whatever a client library threw. `service`: as its makers call it. */
export function readThrown(service: string, thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  const { code, message, errors } = asObject(thrown);
  const status = asNumber(code) ?? asNumber(Number(asString(code)));
  const said =
    asString(message) ?? asString(asObject(Array.isArray(errors) ? errors[0] : undefined)['message']);
  if (status !== undefined && status >= 400 && status < 600) {
    // An error page is no message.
    const words = said === undefined || said.includes('<') ? `status ${status}` : said;
    return readErrorTable(rows, { status, message: `${service}: ${hideProject(words)}` });
  }
  return new GatewayError('upstream_unreachable', `${service} could not be reached.`, {
    cause: bare(thrown),
  });
}

/** For the log. The libraries' own errors hold the request, and with it the token. */
function bare(thrown: unknown): Error {
  const { name, code, message } = asObject(thrown);
  const words = [asString(name), asString(code), redact((asString(message) ?? '').slice(0, 200))];
  return new Error(words.filter((word) => word !== undefined && word !== '').join(': '));
}
