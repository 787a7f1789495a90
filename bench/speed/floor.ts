/** The floor: node:http and undici's dispatch, bytes through, nothing looked at. What any gateway in Node must cost at least. */
import { createServer } from 'node:http';
import { Pool } from 'undici';

const upstream = process.argv[2] ?? '';
const pool = new Pool(upstream, { connections: 256, pipelining: 1 });

const server = createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', () => {
    let length: string | undefined;
    const held: Buffer[] = [];
    pool.dispatch(
      {
        path: incoming.url ?? '/',
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: Buffer.concat(chunks),
      },
      {
        onRequestStart() {},
        onResponseStart(_controller, status, headers) {
          length = typeof headers['content-length'] === 'string' ? headers['content-length'] : undefined;
          const type = String(headers['content-type']);
          outgoing.writeHead(
            status,
            length === undefined ? ['content-type', type] : ['content-type', type, 'content-length', length],
          );
        },
        onResponseData(_controller, chunk) {
          if (length === undefined) outgoing.write(chunk);
          else held.push(chunk);
        },
        onResponseEnd() {
          if (length === undefined) outgoing.end();
          else outgoing.end(held.length === 1 ? held[0] : Buffer.concat(held));
        },
        onResponseError() {
          outgoing.destroy();
        },
      },
    );
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('disconnect', () => process.exit());
