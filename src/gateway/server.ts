/**
 * Listens, and drains: for as long as it lingers it takes what still comes, and says that no more should; then new connections are refused,
 * in-flight requests finish, and what outlasts the grace is cut.
 */
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { createApp } from './app.ts';
import type { GatewayWorld } from './world.ts';

export interface RunningGateway {
  readonly port: number;
  readonly url: string;
  /** Lingers, then resolves when every request has ended or `graceMs` has passed. */
  drain(graceMs: number, lingerMs?: number): Promise<{ readonly cut: number }>;
}

/** A caller that needs longer to send its head or its body is not one we wait for. */
const headersTimeoutMs = 30_000;
const requestTimeoutMs = 120_000;
/** 256 MB, the most that a batch is submitted in, at 2 Mbit/s. Where batches are served this holds for every body: Node knows no limit for one path. */
const uploadTimeoutMs = 1_200_000;
/** Longer than the idle time of usual load balancers (60 s), so that they, not we, close first. */
const keepAliveTimeoutMs = 75_000;

export function startGateway(
  world: GatewayWorld,
  options: { readonly host: string; readonly port: number },
): Promise<RunningGateway> {
  const app = createApp(world);
  let active = 0;
  let draining = false;
  const listener = getRequestListener(app.hono.fetch, { overrideGlobalObjects: false });
  const server = createServer(
    {
      keepAliveTimeout: keepAliveTimeoutMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: world.batches === undefined ? requestTimeoutMs : uploadTimeoutMs,
    },
    (incoming, outgoing) => {
      active += 1;
      outgoing.on('close', () => {
        active -= 1;
        // Its connection turns idle only after this event; kept alive, it would hold the drain up to its end.
        if (draining) setImmediate(() => server.closeIdleConnections());
      });
      void listener(incoming, outgoing);
    },
  );
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.removeListener('error', reject);
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : options.port;
      resolve({
        port,
        url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
        async drain(graceMs, lingerMs = 0) {
          app.drain();
          if (lingerMs > 0) await new Promise<void>((lingered) => world.clock.after(lingerMs, lingered));
          draining = true;
          return drain(world, server, () => active, graceMs);
        },
      });
    });
  });
}

function drain(
  world: GatewayWorld,
  server: Server,
  active: () => number,
  graceMs: number,
): Promise<{ readonly cut: number }> {
  return new Promise((resolve) => {
    const cancel = world.clock.after(graceMs, () => {
      const cut = active();
      server.closeAllConnections();
      resolve({ cut });
    });
    server.close(() => {
      cancel();
      resolve({ cut: 0 });
    });
    server.closeIdleConnections();
  });
}
