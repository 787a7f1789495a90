/** A wire to a server that can be cut: bytes stop, and nobody is told, as when a switch dies. */
import { connect, createServer, type Socket } from 'node:net';

export interface Wire {
  readonly port: number;
  /** Until it is mended, nothing passes either way, and new connections hang. */
  cut(): void;
  mend(): void;
  /** What was cut stays silent for ever; new connections pass. */
  mendForNew(): void;
  close(): Promise<void>;
}

/** `watch` sees what goes to the server. */
export async function startWire(toPort: number, watch?: (bytes: Buffer) => void): Promise<Wire> {
  const sockets = new Set<Socket>();
  let whole = true;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // What breaks here is the end of a connection, which the other side sees.
    socket.on('error', () => undefined);
  };
  const server = createServer((near) => {
    keep(near);
    if (!whole) {
      near.pause();
      return;
    }
    const far = connect(toPort, '127.0.0.1');
    keep(far);
    near.pipe(far);
    if (watch !== undefined) near.on('data', watch);
    far.pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The system gave no port.');
  return {
    port: address.port,
    cut() {
      whole = false;
      for (const socket of sockets) socket.unpipe().pause();
    },
    mend() {
      whole = true;
      for (const socket of sockets) socket.destroy();
    },
    mendForNew() {
      whole = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
