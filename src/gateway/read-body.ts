/** Reads a request's body, bounded. */
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';

/** Uploads of batches may take longer; what is held in memory may not. */
const bodyTimeoutMs = 120_000;

/**
 * The whole body. Rejects with `request_too_large` as soon as the limit is passed (announced or met), with
 * `client_closed` when the caller goes before the end, with `request_timeout` when it takes too long, with `invalid_request` for a compressed body.
 */
export function readBody(
  incoming: IncomingMessage,
  limitBytes: number,
  clock: Clock,
  timeoutMs = bodyTimeoutMs,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const encoding = incoming.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      reject(
        new GatewayError(
          'invalid_request',
          `content-encoding "${encoding}" is not accepted; send the body as it is.`,
        ),
      );
      return;
    }
    if (Number(incoming.headers['content-length'] ?? 0) > limitBytes) {
      reject(tooLarge(limitBytes));
      return;
    }
    const chunks: Buffer[] = [];
    let total = 0;
    const cancel = clock.after(timeoutMs, () => {
      incoming.removeAllListeners('data');
      reject(
        new GatewayError('request_timeout', `The body was not complete after ${timeoutMs / 1000} seconds.`),
      );
    });
    incoming.on('data', (chunk: Buffer) => {
      total += chunk.length;
      if (total > limitBytes) {
        incoming.removeAllListeners('data');
        incoming.resume();
        reject(tooLarge(limitBytes));
        return;
      }
      chunks.push(chunk);
    });
    incoming.on('end', () => {
      cancel();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, total));
    });
    const gone = (): void => {
      cancel();
      // `close` follows every request; making an error for each would cost more than reading it did.
      if (!incoming.complete)
        reject(new GatewayError('client_closed', 'The caller hung up before its request was complete.'));
    };
    incoming.on('error', gone);
    incoming.on('close', gone);
  });
}

function tooLarge(limitBytes: number): GatewayError {
  return new GatewayError(
    'request_too_large',
    `The body is over ${limitBytes} bytes, the most that this gateway accepts (server.max_body).`,
  );
}
