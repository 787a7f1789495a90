/** Faults that strike before there is an answer. */
import type { ServerResponse } from 'node:http';
import type { Api, Rendered } from './apis/contract.ts';
import type { Fault } from './faults.ts';
import { wait } from './respond.ts';

/** What a fault does before there is an answer; true when it was the answer. */
export async function happens(
  fault: Fault,
  api: Api,
  outgoing: ServerResponse,
  refuse: (rendered: Rendered) => void,
): Promise<boolean> {
  const wanted = fault.retry_after_s === undefined ? {} : { retryAfterS: fault.retry_after_s };
  switch (fault.kind) {
    case 'refused':
      outgoing.destroy();
      return true;
    case 'reset':
      outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      outgoing.write('{"id":');
      await wait(outgoing, 5);
      outgoing.destroy();
      return true;
    case 'outage':
      refuse(
        api.refuse(fault.status === 503 || fault.status === 529 ? 'overloaded' : 'server-error', '', {
          ...wanted,
          status: fault.status,
        }),
      );
      return true;
    case 'rate-limit':
      refuse(api.refuse('rate-limit', '', wanted));
      return true;
    case 'flex-full':
      refuse(api.flex?.full() ?? api.refuse('overloaded', '', {}));
      return true;
    case 'auth':
    case 'quota':
    case 'context-too-long':
    case 'content-filter':
      refuse(api.refuse(fault.kind, '', {}));
      return true;
    case 'refuse-shape':
      refuse(api.refuse('bad-request', 'This model does not support assistant message prefill.', {}));
      return true;
    case 'model-not-found':
      refuse(api.refuse('not-found', '', {}));
      return true;
    case 'silence':
      await new Promise<void>((resolve) => outgoing.once('close', resolve));
      return true;
    case 'html':
      outgoing.writeHead(200, { 'content-type': 'text/html' });
      outgoing.end('<html><body>Bad gateway</body></html>');
      return true;
    case 'slow':
      if (!fault.first_token) await wait(outgoing, fault.delay_ms);
      return outgoing.destroyed;
    default:
      return false;
  }
}
