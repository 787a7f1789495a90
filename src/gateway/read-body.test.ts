import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { test } from 'node:test';
import { systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { readBody } from './read-body.ts';

test('a body that takes too long is given up, whatever the server allows for uploads', async () => {
  const outcome = new Promise((resolve) => {
    const server = createServer((incoming, outgoing) => {
      readBody(incoming, 1000, systemClock, 20)
        .then(resolve, resolve)
        .finally(() => {
          outgoing.end();
          server.close();
          server.closeAllConnections();
        });
    });
    server.listen(0, '127.0.0.1', async () => {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const asked = request({ port, method: 'POST', headers: { 'content-length': 10 } });
      asked.on('error', () => {});
      asked.write('x');
      await once(asked, 'close');
    });
  });
  const error = await outcome;
  assert.ok(error instanceof GatewayError);
  assert.equal(error.code, 'request_timeout');
});
