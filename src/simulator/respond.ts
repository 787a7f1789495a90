/** Writes a simulated answer, with what a fault does to it. */
import type { ServerResponse } from 'node:http';
import type { Fault } from './faults.ts';

export interface StreamPlan {
  readonly chunks: readonly (string | Buffer)[];
  readonly terminal: number;
  readonly broken: string | Buffer;
  readonly error: string | Buffer;
  readonly delayMs: number;
  readonly fault: Fault | undefined;
}

/** Waits unless the caller has gone. */
export function wait(outgoing: ServerResponse, ms: number): Promise<void> {
  if (ms <= 0 || outgoing.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      outgoing.off('close', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    outgoing.on('close', done);
  });
}

/** More can be written, or nobody is there any more. */
export function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done);
      outgoing.off('close', done);
      resolve();
    };
    outgoing.once('drain', done);
    outgoing.once('close', done);
  });
}

export interface Written {
  /** The whole stream was sent. */
  readonly complete: boolean;
  /** How much of what comes before the terminal was sent, from 0 to 1. */
  readonly share: number;
}

export async function writeStream(outgoing: ServerResponse, plan: StreamPlan): Promise<Written> {
  const { fault, chunks } = plan;
  const breaks = fault === undefined ? undefined : breakAt(fault, plan);
  if (fault?.kind === 'slow' && fault.first_token) await wait(outgoing, fault.delay_ms);
  const content = Math.max(1, chunks.length - plan.terminal);
  for (const [index, chunk] of chunks.entries()) {
    const share = Math.min(1, index / content);
    if (outgoing.destroyed) return { complete: false, share };
    if (index === breaks) {
      await breakStream(outgoing, plan);
      return { complete: false, share };
    }
    if (!outgoing.write(chunk)) await drained(outgoing);
    if (plan.delayMs > 0) await wait(outgoing, plan.delayMs);
  }
  const complete = !outgoing.destroyed;
  outgoing.end();
  return { complete, share: 1 };
}

function breakAt(fault: Fault, plan: StreamPlan): number | undefined {
  switch (fault.kind) {
    case 'stall':
    case 'cut':
    case 'malformed':
    case 'error-event':
      return Math.min(fault.after, plan.chunks.length - plan.terminal);
    case 'no-terminal':
      return fault.after === 0
        ? plan.chunks.length - plan.terminal
        : Math.min(fault.after, plan.chunks.length - plan.terminal);
    default:
      return undefined;
  }
}

async function breakStream(outgoing: ServerResponse, plan: StreamPlan): Promise<void> {
  switch (plan.fault?.kind) {
    case 'stall':
      // Until the caller gives up.
      await new Promise<void>((resolve) => outgoing.once('close', resolve));
      return;
    case 'cut':
      // Let what was written leave first, so that the cut is in the middle and not before it.
      await wait(outgoing, 5);
      outgoing.destroy();
      return;
    case 'malformed':
      outgoing.write(plan.broken);
      outgoing.end();
      return;
    case 'error-event':
      outgoing.write(plan.error);
      outgoing.end();
      return;
    default:
      outgoing.end();
  }
}

export function sendJson(
  outgoing: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: object | string,
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  });
  outgoing.end(text);
}

/** A whole answer; faults of streams do to it what they can. True when all of it was sent. */
export function sendWhole(
  outgoing: ServerResponse,
  headers: Readonly<Record<string, string>>,
  body: object,
  fault: Fault | undefined,
): boolean {
  // Nobody is there to be sent anything.
  if (outgoing.destroyed) return false;
  const text = JSON.stringify(body);
  if (fault?.kind === 'malformed' || fault?.kind === 'no-terminal') {
    outgoing.writeHead(200, { 'content-type': 'application/json', ...headers });
    outgoing.end(text.slice(0, Math.floor(text.length / 2)));
    return false;
  }
  if (fault?.kind === 'cut' || fault?.kind === 'stall' || fault?.kind === 'error-event') {
    outgoing.writeHead(200, {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(text)),
      ...headers,
    });
    outgoing.write(text.slice(0, Math.floor(text.length / 2)));
    if (fault.kind !== 'stall') void wait(outgoing, 5).then(() => outgoing.destroy());
    return false;
  }
  sendJson(outgoing, 200, headers, text);
  return true;
}
