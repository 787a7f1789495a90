/**
 * Closed-loop load over raw keep-alive sockets: each connection sends its next request when its answer is complete. Told what to do by
 * one message, answers with counts and latencies.
 */
import { connect } from 'node:net';

interface Order {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  readonly durationMs: number;
}

interface Connection {
  done: boolean;
}

process.on('message', (order: Order) => {
  void run(order).then((result) => process.send?.(result));
});
process.on('disconnect', () => process.exit());

async function run(order: Order): Promise<object> {
  const lines = Object.entries({
    host: `127.0.0.1:${order.port}`,
    'content-type': 'application/json',
    ...order.headers,
  }).map(([name, value]) => `${name}: ${value}`);
  const request = Buffer.from(
    `POST ${order.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(order.body)}\r\n\r\n${order.body}`,
  );
  const latenciesMs: number[] = [];
  let failures = 0;
  let firstFailure = '';
  const until = performance.now() + order.durationMs;
  await Promise.all(
    Array.from({ length: order.connections }, () => {
      const connection: Connection = { done: false };
      return new Promise<void>((resolve) => {
        const socket = connect(order.port, '127.0.0.1');
        socket.setNoDelay(true);
        let held = '';
        let startedMs = 0;
        const send = (): void => {
          startedMs = performance.now();
          if (startedMs >= until) {
            connection.done = true;
            socket.destroy();
            resolve();
            return;
          }
          socket.write(request);
        };
        socket.on('connect', send);
        socket.on('error', (error) => {
          failures += 1;
          firstFailure ||= String(error);
        });
        socket.on('close', () => {
          if (!connection.done) failures += 1;
          resolve();
        });
        socket.on('data', (chunk) => {
          held += chunk.toString('latin1');
          const end = endOfAnswer(held);
          if (end < 0) return;
          if (!held.startsWith('HTTP/1.1 200')) {
            failures += 1;
            firstFailure ||= held.slice(0, 400);
          }
          held = held.slice(end);
          latenciesMs.push(performance.now() - startedMs);
          send();
        });
      });
    }),
  );
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0;
  return { requests: latenciesMs.length, failures, firstFailure, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Offset after a complete answer, or -1. Looks only at the tail for chunked answers. */
function endOfAnswer(held: string): number {
  const head = held.indexOf('\r\n\r\n');
  if (head < 0) return -1;
  const length = /\r\ncontent-length: *(\d+)/i.exec(held.slice(0, head));
  if (length !== null) {
    const end = head + 4 + Number(length[1]);
    return held.length >= end ? end : -1;
  }
  return held.endsWith('\r\n0\r\n\r\n') ? held.length : -1;
}
