/**
 * Structured logs: pino JSON lines on stdout. Secrets are redacted by path as a second line of defence, since none should be
 * passed at all. The line that every request has goes by without that search, because its fields are all our own; it would cost more
 * than the rest of the request’s accounting.
 *
 * They are collected and written together, a moment later; anything else that is logged pushes them out first.
 */
import { pino } from 'pino';
import type { Clock } from '../core/clock.ts';

/** Of a request, as it ended. Names and numbers of ours, never a prompt, an answer or a header. */
export interface RequestLine {
  readonly requestId: string;
  readonly route: string;
  readonly key: string | undefined;
  readonly status: number;
  readonly outcome: string;
  readonly code: string | undefined;
  readonly target: string | undefined;
  readonly attempts: number;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly costUsd: number;
  readonly durationMs: number;
}

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  request(line: RequestLine): void;
  /** Writes what was collected. */
  flush(): void;
}

const secretPaths = ['authorization', 'api_key', 'apiKey', 'token', 'secret', 'password', 'cookie'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
);

/** Some fifty lines of requests: written one by one, each would cost a system call, and a collecting destination measures all it holds for each. */
const collectedChars = 16_384;
/** How late a line may be. */
const flushMs = 500;

export function createLog(clock: Clock, level: 'debug' | 'info' | 'warn' | 'error' = 'info'): Log {
  const destination = pino.destination({ dest: 1, sync: false });
  const general = pino(
    { level, redact: { paths: secretPaths, censor: '[redacted]' }, base: null },
    destination,
  );
  const requests = general.isLevelEnabled('info');
  let collected = '';
  let waiting = false;

  function writeCollected(): void {
    if (collected === '') return;
    destination.write(collected);
    collected = '';
  }

  function later(): void {
    if (waiting) return;
    waiting = true;
    clock.after(flushMs, () => {
      waiting = false;
      writeCollected();
    });
  }

  /** Lines come in the order of what they tell. */
  const inOrder =
    (write: (fields: object, message: string) => void) =>
    (fields: object, message: string): void => {
      writeCollected();
      write(fields, message);
    };

  return {
    info: inOrder((fields, message) => general.info(fields, message)),
    warn: inOrder((fields, message) => general.warn(fields, message)),
    error: inOrder((fields, message) => general.error(fields, message)),
    request(line) {
      if (!requests) return;
      collected += spell(line, clock.now());
      if (collected.length >= collectedChars) writeCollected();
      else later();
    },
    flush() {
      writeCollected();
      destination.flushSync();
    },
  };
}

/** As pino would write it. */
function spell(line: RequestLine, nowMs: number): string {
  const { key, code, target, inputTokens, outputTokens } = line;
  return `{"level":30,"time":${nowMs},"requestId":"${line.requestId}","route":${JSON.stringify(line.route)},${
    key === undefined ? '' : `"key":${JSON.stringify(key)},`
  }"status":${line.status},"outcome":"${line.outcome}",${code === undefined ? '' : `"code":"${code}",`}${
    target === undefined ? '' : `"target":${JSON.stringify(target)},`
  }"attempts":${line.attempts},${inputTokens === undefined ? '' : `"inputTokens":${inputTokens},`}${
    outputTokens === undefined ? '' : `"outputTokens":${outputTokens},`
  }"costUsd":${line.costUsd},"durationMs":${line.durationMs},"msg":"request"}\n`;
}

export const silentLog: Log = { info() {}, warn() {}, error() {}, request() {}, flush() {} };
