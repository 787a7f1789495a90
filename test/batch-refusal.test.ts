/** Senders that listen only when they have sent all, as curl and most SDKs do: they are to hear why they were refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { batchFolders } from '../src/gateway/batches/registry.ts';
import { dialectFolders } from '../src/gateway/dialects/registry.ts';
import { createTestDesk } from './support/batch-desk.ts';
import { startTestGateway } from './support/gateway.ts';

test('who sends far too much hears so, though nobody wants the rest of it', async () => {
  const dialects = dialectFolders.flatMap((folder) => folder.dialects);
  const desk = createTestDesk({
    shapes: batchFolders.map((folder) => folder.shape(dialects)),
    now: () => Date.now(),
  });
  const gateway = await startTestGateway({ desk, maxUploadBytes: 1000 });
  const bytes = 30_000_000;
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const failed = new Promise<never>((_, reject) => socket.once('error', reject));
  socket.pause();
  socket.write(
    `POST /v1/files HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${bytes}\r\n\r\n`,
  );
  const piece = Buffer.alloc(100_000);
  for (let sent = 0; sent < bytes; sent += piece.length)
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), failed]);
  socket.resume();
  const [answer] = await Promise.race([once(socket, 'data'), failed]);
  assert.match(String(answer), /^HTTP\/1\.1 413 /);
  assert.match(String(answer), /over 1000 bytes/);
  assert.match(String(answer), /connection: close/i);
  if (!socket.readableEnded) await Promise.race([once(socket, 'close'), failed]);
  await gateway.close();
  desk.close();
});
