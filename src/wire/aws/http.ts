/** How the official AWS clients open connections: HTTP/1.1, each wait bounded. Their own default waits for ever for an answer. */
import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface HttpTimes {
  readonly connectMs: number;
  /** Without a byte in either direction. */
  readonly silenceMs: number;
  /** From the first byte that is sent to the head of the answer. */
  readonly answerMs: number;
}

export function boundedHttp({ connectMs, silenceMs, answerMs }: HttpTimes): NodeHttpHandler {
  return new NodeHttpHandler({
    connectionTimeout: connectMs,
    socketTimeout: silenceMs,
    requestTimeout: answerMs,
    // Without it the handler only warns, and goes on waiting.
    throwOnRequestTimeout: true,
  });
}
