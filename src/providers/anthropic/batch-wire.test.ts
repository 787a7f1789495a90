import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GatewayError } from '../../core/errors.ts';
import type { BatchResult } from '../contract.ts';
import { linesOf, newJob, open } from './fixtures/batches.ts';

describe('on the wire', () => {
  async function withServer(
    serve: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
    work: (url: string) => Promise<void>,
  ): Promise<void> {
    const server = createServer(serve).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    try {
      await work(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const accept = (outgoing: ServerResponse): void => {
    outgoing.setHeader('content-type', 'application/json');
    outgoing.end('{"id":"msgbatch_01","type":"message_batch"}');
  };

  test('bodies go out byte for byte, cache markers and all, behind a path prefix', async () => {
    let seen = '';
    let path = '';
    await withServer(
      async (incoming, outgoing) => {
        path = incoming.url ?? '';
        for await (const chunk of incoming) seen += chunk;
        accept(outgoing);
      },
      async (url) => {
        const job = newJob(2);
        const marked =
          '{ "messages":[{"role":"user","content":[{"type":"text","text":"é","cache_control":{"type":"ephemeral","ttl":"1h"}}]}] }';
        const submitted = await open(`${url}/team/`).submit(
          job,
          (async function* () {
            yield [{ key: 0, body: marked }];
            yield [{ key: 41, body: '{}' }];
          })(),
        );
        assert.deepEqual(submitted, { kind: 'accepted', handle: 'msgbatch_01' });
        assert.equal(path, '/team/v1/messages/batches');
        assert.equal(
          seen,
          `{"requests":[{"custom_id":"${job.id}-0","params":${marked}},{"custom_id":"${job.id}-41","params":{}}]}`,
        );
      },
    );
  });

  test('a body of 60 MB is not held in memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    assert.ok(typeof collect === 'function');
    const live = (): number => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const text = 'x'.repeat(20_000);
    let heldBefore = 0;
    await withServer(
      async (incoming, outgoing) => {
        // The request is still open, so whatever is kept of its body is kept now.
        let bytes = 0;
        for await (const chunk of incoming) bytes += chunk.length;
        const held = live() - heldBefore;
        outgoing.setHeader('x-held', held);
        assert.ok(bytes > 60_000_000);
        outgoing.end(JSON.stringify({ id: held < 40_000_000 ? 'flat' : `held ${held} bytes` }));
      },
      async (url) => {
        const endpoint = open(url);
        const job = newJob(3000);
        heldBefore = live();
        const submitted = await endpoint.submit(
          job,
          linesOf(job, () => text),
        );
        assert.deepEqual(submitted, { kind: 'accepted', handle: 'flat' });
      },
    );
  });
  test('a host that is not there has surely no job', async () => {
    const job = newJob(1);
    let gone = '';
    await withServer(
      () => {},
      async (url) => {
        gone = url;
      },
    );
    const submitted = await open(gone).submit(job, linesOf(job));
    assert.ok(submitted.kind === 'refused', submitted.kind);
    assert.equal(submitted.error.code, 'upstream_unreachable');
  });

  test('a connection that breaks in the middle of the body leaves no job', async () => {
    await withServer(
      (incoming) => incoming.once('data', () => incoming.destroy()),
      async (url) => {
        const job = newJob(2000);
        const submitted = await open(url).submit(
          job,
          linesOf(job, () => 'y'.repeat(20_000)),
        );
        assert.equal(submitted.kind, 'refused');
      },
    );
  });

  test('a key follows no redirect', async () => {
    let calls = 0;
    await withServer(
      (incoming, outgoing) => {
        calls += 1;
        incoming.resume();
        outgoing.writeHead(302, { location: '/elsewhere' }).end();
      },
      async (url) => {
        await assert.rejects(open(url).poll('msgbatch_1', newJob(1)), GatewayError);
        assert.equal(calls, 1);
      },
    );
  });

  test('results that break off are an error after what had come', async () => {
    const job = newJob(2);
    const line = JSON.stringify({ custom_id: `${job.id}-0`, result: { type: 'canceled' } });
    await withServer(
      (_incoming, outgoing) => {
        outgoing.writeHead(200, { 'content-length': 10_000 });
        outgoing.write(`${line}\n{"custom`);
        setImmediate(() => setImmediate(() => outgoing.destroy()));
      },
      async (url) => {
        const seen: BatchResult[] = [];
        await assert.rejects(async () => {
          for await (const handful of open(url).results('msgbatch_1', job)) seen.push(...handful);
        }, GatewayError);
        assert.deepEqual(seen, [{ kind: 'cancelled', key: 0 }]);
      },
    );
  });
});
