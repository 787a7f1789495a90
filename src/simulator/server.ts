/**
 * Stand-ins for the wire APIs of every provider type, on one port. A path may begin with `/~NAME`: the instance that faults, limits
 * and the log go by; without it the API's own name serves.
 *
 * Live control: `GET`, `POST` and `DELETE /~simulator/faults`, `GET` and `DELETE /~simulator/requests`, the same of
 * `/~simulator/invoice?lines=100` (`?format=jsonl`: every line), `GET /~simulator/limits`, `GET /~simulator/jobs`,
 * `POST /~simulator/jobs/finish`, `GET /~simulator/health`.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../core/clock.ts';
import { answer, parseJson } from './answer.ts';
import { anthropic } from './apis/anthropic.ts';
import { bedrock } from './apis/bedrock.ts';
import type { Api } from './apis/contract.ts';
import { azure, openai } from './apis/openai.ts';
import { vertex } from './apis/vertex.ts';
import { offerBatch } from './batches/serve-batch.ts';
import { control, sendInvoiceLines } from './control.ts';
import { type FaultPlan, faultPlanSchema } from './faults.ts';
import type { InvoiceReport } from './invoice.ts';
import type { LimitUsage } from './limits.ts';
import type { ArrivalLog } from './log.ts';
import { sendJson } from './respond.ts';
import { State } from './state.ts';

export interface SimulatorOptions {
  readonly port?: number;
  readonly host?: string;
  readonly faults?: FaultPlan;
  readonly clock?: Clock;
}

export interface Simulator {
  readonly port: number;
  readonly url: string;
  readonly log: ArrivalLog;
  setFaults(plan: unknown): void;
  violations(): number;
  /** How much of each limit was used. */
  limits(): readonly LimitUsage[];
  /** What the providers would bill; the newest `lines`, 100 unless said. */
  invoice(lines?: number): InvoiceReport;
  /** Every batch job that runs is done at once; returns how many. */
  finishJobs(): Promise<number>;
  close(): Promise<void>;
}

/** Azure before OpenAI: it is the narrower one. */
const apis: readonly Api[] = [bedrock, vertex, anthropic, azure, openai];
const maxBodyBytes = 64 * 1024 * 1024;

export function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const state = new State(options.clock ?? systemClock, options.faults ?? faultPlanSchema.parse({}));
  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    outgoing.on('error', () => outgoing.destroy());
    receive(state, incoming, outgoing);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const host = options.host ?? '127.0.0.1';
    server.listen(options.port ?? 0, host, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({
        port,
        url: `http://${host}:${port}`,
        log: state.log,
        setFaults: (plan) => state.set(faultPlanSchema.parse(plan)),
        violations: () => state.limits.violations(),
        limits: () => state.limits.usage(),
        invoice: (lines) => state.invoice.report(lines),
        finishJobs: () => state.batches.finishAll(),
        async close() {
          await close(server);
          state.close();
        },
      });
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function receive(state: State, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const asked = readAddress(incoming);
  const batch = offerBatch(state, asked, incoming, outgoing);
  if (batch !== undefined) {
    batch.catch((thrown: unknown) => tellDefect(outgoing, thrown));
    return;
  }
  const chunks: Buffer[] = [];
  let total = 0;
  incoming.on('data', (chunk: Buffer) => {
    total += chunk.length;
    if (total <= maxBodyBytes) chunks.push(chunk);
  });
  incoming.on('end', () => {
    serve(state, asked, incoming, outgoing, Buffer.concat(chunks)).catch((thrown: unknown) =>
      tellDefect(outgoing, thrown),
    );
  });
}

/** A defect of the stand-in must be seen, not taken for a provider's fault. */
function tellDefect(outgoing: ServerResponse, thrown: unknown): void {
  const message = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  process.stderr.write(`simulator: ${message}\n`);
  if (!outgoing.headersSent) outgoing.writeHead(500);
  outgoing.end('simulator defect');
}

interface Address {
  readonly url: URL;
  /** From `/~NAME` in front. */
  readonly instance: string | undefined;
  readonly path: string;
  readonly query: URLSearchParams;
}

function readAddress(incoming: IncomingMessage): Address {
  const url = new URL(incoming.url ?? '/', 'http://simulator');
  const named = /^\/~([^/]+)(\/.*)$/.exec(url.pathname);
  return { url, instance: named?.[1], path: named?.[2] ?? url.pathname, query: url.searchParams };
}

async function serve(
  state: State,
  { url, instance, path, query }: Address,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  bytes: Buffer,
): Promise<void> {
  if (url.pathname.startsWith('/~simulator/')) {
    if (url.pathname.endsWith('/invoice') && incoming.method === 'GET' && query.get('format') === 'jsonl')
      return sendInvoiceLines(state, outgoing);
    const { status, body } = await control(state, incoming.method ?? '', url, parseJson(bytes));
    sendJson(outgoing, status, {}, body);
    return;
  }
  const tokens = tokenEndpoint(path);
  if (tokens !== undefined) {
    sendJson(outgoing, 200, {}, tokens);
    return;
  }
  for (const api of apis) {
    const matched = api.match(path, query, incoming.headers);
    if (matched === undefined) continue;
    await answer({ state, api, matched, instance: instance ?? api.id, incoming, outgoing, query, bytes });
    return;
  }
  sendJson(
    outgoing,
    404,
    {},
    {
      error: {
        message: `No simulated API has ${incoming.method} ${path}.`,
        type: 'invalid_request_error',
        code: 'not_found',
      },
    },
  );
}

/** Where Google's and Microsoft's credentials libraries fetch tokens. */
function tokenEndpoint(path: string): object | undefined {
  if (path === '/token') return { access_token: 'ya29.simulated', expires_in: 3600, token_type: 'Bearer' };
  if (path.endsWith('/oauth2/v2.0/token'))
    return { token_type: 'Bearer', expires_in: 3600, access_token: 'entra.simulated' };
  return undefined;
}
