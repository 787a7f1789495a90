/** Uploads far larger than what they may take of memory, over a socket, to a gateway in a process of its own. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { request } from 'node:http';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const megabyte = 1_000_000;
const server = fileURLToPath(new URL('./support/batch-server.ts', import.meta.url));

interface Ready {
  readonly url: string;
}
interface Memory {
  readonly rss: number;
  readonly peak: number;
}

async function withServer(run: (url: string, memory: () => Promise<Memory>) => Promise<void>): Promise<void> {
  const child = fork(server, { execArgv: ['--max-semi-space-size=16'] });
  const next = <T>() =>
    new Promise<T>((resolve) => child.once('message', (message) => resolve(message as T))); // what the server sends
  try {
    const { url } = await next<Ready>();
    await run(url, () => {
      const answer = next<Memory>();
      child.send('memory');
      return answer;
    });
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.send('stop');
    await gone;
  }
}

/** Sends `head`, then `piece` as often as it takes to reach `bytes`, then `tail`; no faster than it is read. */
function send(
  url: string,
  contentType: string,
  { head, piece, tail, bytes }: { head: string; piece: Buffer; tail: string; bytes: number },
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', headers: { 'content-type': contentType } });
    asked.on('error', reject).on('response', async (response) => {
      const body = (await response.toArray()).join('');
      resolve({ status: response.statusCode ?? 0, body });
    });
    asked.write(head);
    let sent = 0;
    const pump = (): void => {
      while (sent < bytes) {
        sent += piece.length;
        if (!asked.write(piece)) {
          asked.once('drain', pump);
          return;
        }
      }
      asked.end(tail);
    };
    pump();
  });
}

test('a file of 150 MB goes up in the memory of a small one', { timeout: 120_000 }, () =>
  withServer(async (url, memory) => {
    const line = `${JSON.stringify({ custom_id: 'a', method: 'POST', url: '/v1/chat/completions', body: { text: 'x'.repeat(900) } })}\n`;
    const upload = (bytes: number) =>
      send(`${url}/v1/files`, 'multipart/form-data; boundary=b', {
        head: '--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n',
        piece: Buffer.from(line.repeat(60)),
        tail: '\r\n--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n',
        bytes,
      });
    // What is put aside between two collections of garbage is there after the first few megabytes.
    await upload(30 * megabyte);
    const before = await memory();
    const { status, body } = await upload(150 * megabyte);
    assert.equal(status, 200, body);
    assert.ok(JSON.parse(body).bytes >= 150 * megabyte);
    const grown = ((await memory()).peak - before.rss) / megabyte;
    console.log(`150 MB as a form: at most ${grown.toFixed(0)} MB more memory`);
    assert.ok(grown < 50, `${grown} MB`);
  }),
);

test(
  'a batch of 100,000 requests in one body of 100 MB goes up in the memory of a small one',
  { timeout: 120_000 },
  () =>
    withServer(async (url, memory) => {
      let count = 0;
      const submit = async (requests: number) => {
        const made: Buffer[] = [];
        for (let index = 0; index < requests; index++)
          made.push(
            Buffer.from(
              `${index === 0 ? '' : ','}{"custom_id":"r${count++}","params":{"model":"m","max_tokens":8,"messages":[{"role":"user","content":"${'x'.repeat(900)}"}]}}\n`,
            ),
          );
        return send(`${url}/v1/messages/batches`, 'application/json', {
          head: '{"requests":[',
          piece: Buffer.concat(made),
          tail: ']}',
          bytes: 1,
        });
      };
      await submit(30_000);
      const before = await memory();
      const { status, body } = await submit(100_000);
      assert.equal(status, 200, body);
      assert.equal(JSON.parse(body).request_counts.processing, 100_000);
      const grown = ((await memory()).peak - before.rss) / megabyte;
      console.log(`100,000 requests in one body: at most ${grown.toFixed(0)} MB more memory`);
      assert.ok(grown < 75, `${grown} MB`);
    }),
);
