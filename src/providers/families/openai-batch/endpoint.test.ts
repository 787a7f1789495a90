/** What is sent, how often, and what each answer to a creation means: against a server that answers as it is told. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createFakeClock } from '../../../../test/support/clock.ts';
import { systemClock } from '../../../core/clock.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { BatchLine } from '../../contract.ts';
import { createOpenAiBatch, type OpenAiBatchOptions } from './endpoint.ts';

interface Call {
  readonly what: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
type Answer = (call: Call, outgoing: ServerResponse) => void;

const job = { id: 's0123456789a', items: 1, bytes: 10, createdAtMs: 1_750_000_000_000 };
const limits = { mostItems: 10, mostBytes: 10, leastItems: 1, envelopeBytes: 128, windowMs: 1 };

async function* oneLine(body = '{"model":"m"}'): AsyncGenerator<readonly BatchLine[]> {
  yield [{ key: 4, body }];
}

const json =
  (status: number, body: unknown): Answer =>
  (_call, outgoing) => {
    outgoing.writeHead(status, { 'content-type': 'application/json' });
    outgoing.end(JSON.stringify(body));
  };

describe('an OpenAI batch endpoint', () => {
  let server: Server;
  let calls: Call[] = [];
  let answers: Record<string, Answer> = {};

  before(async () => {
    server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const what = `${incoming.method} ${incoming.url}`;
        const call = { what, headers: incoming.headers, body: Buffer.concat(chunks).toString() };
        calls.push(call);
        (answers[what] ?? json(404, { error: { message: `no ${what}` } }))(call, outgoing);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(() => {
    calls = [];
    answers = {
      'POST /v1/files': json(200, { id: 'file-in', status: 'processed' }),
      'DELETE /v1/files/file-in': json(200, { id: 'file-in', deleted: true }),
    };
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const address = (): AddressInfo => {
    const found = server.address();
    assert.ok(typeof found === 'object' && found !== null);
    return found;
  };
  const open = (more: Partial<OpenAiBatchOptions> = {}) =>
    createOpenAiBatch({
      baseUrl: `http://127.0.0.1:${address().port}/v1`,
      headers: () => ({ 'api-key': 'k' }),
      readError: ({ status, body }) =>
        new GatewayError(status === 429 ? 'rate_limited' : 'upstream_fault', body, { upstream: { status } }),
      path: '/v1/chat/completions',
      limits,
      clock: systemClock,
      ...more,
    });
  const sent = (): readonly string[] => calls.map(({ what }) => what);

  test('sends the lines as a file and the job’s id in the metadata, with the headers it is given and no others', async () => {
    answers['POST /v1/batches'] = json(201, { id: 'batch_1', status: 'Validating' });
    const submitted = await open({ keepInputS: 1_209_600 }).submit(job, oneLine('{\n"model":"m"\r\n}'));
    assert.deepEqual(submitted, { kind: 'accepted', handle: 'batch_1' });
    const [upload, create] = calls;
    const line =
      '{"custom_id":"s0123456789a-4","method":"POST","url":"/v1/chat/completions","body":{ "model":"m" }}\n';
    assert.ok(upload?.body.includes(`\r\n\r\n${line}\r\n--`), upload?.body);
    for (const part of ['name="purpose"\r\n\r\nbatch', 'name="expires_after[seconds]"\r\n\r\n1209600'])
      assert.ok(upload?.body.includes(part), part);
    assert.equal(Number(upload?.headers['content-length']), Buffer.byteLength(upload?.body ?? ''));
    assert.deepEqual(JSON.parse(create?.body ?? ''), {
      input_file_id: 'file-in',
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata: { intermodal_submission: job.id },
    });
    for (const { headers } of calls) {
      assert.equal(headers['api-key'], 'k');
      assert.equal(headers.authorization, undefined);
      assert.equal(headers['openai-organization'], undefined);
    }
  });

  for (const [status, kind] of [
    [400, 'refused'],
    [401, 'refused'],
    [413, 'refused'],
    [429, 'refused'],
    [408, 'unknown'],
    [409, 'unknown'],
    [500, 'unknown'],
    [503, 'unknown'],
  ] as const)
    test(`a creation that is answered ${status} is ${kind}, and is sent once`, async () => {
      answers['POST /v1/batches'] = json(status, { error: { message: 'no' } });
      const submitted = await open().submit(job, oneLine());
      assert.equal(submitted.kind, kind);
      const removed = kind === 'refused' ? ['DELETE /v1/files/file-in'] : [];
      assert.deepEqual(sent(), ['POST /v1/files', 'POST /v1/batches', ...removed]);
    });

  test('a creation without an answer, or with one that is none, is unknown', async () => {
    const odd: readonly Answer[] = [
      (_call, outgoing) => outgoing.destroy(),
      json(200, {}),
      json(200, 'nothing'),
      (_call, outgoing) => {
        outgoing.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        outgoing.write('{"id":');
        setTimeout(() => outgoing.destroy(), 5);
      },
      (_call, outgoing) => {
        outgoing.writeHead(200, { 'content-type': 'application/json' });
        outgoing.end('{"id":');
      },
    ];
    for (const answer of odd) {
      calls = [];
      answers['POST /v1/batches'] = answer;
      assert.equal((await open().submit(job, oneLine())).kind, 'unknown');
      assert.deepEqual(sent(), ['POST /v1/files', 'POST /v1/batches']);
    }
  });

  test('a creation that never left is refused', async () => {
    let asked = 0;
    const headers = () => {
      if (++asked > 1) throw new GatewayError('upstream_auth', 'No token could be had.');
      return {};
    };
    const submitted = await open({ headers }).submit(job, oneLine());
    assert.ok(submitted.kind === 'refused');
    assert.equal(submitted.error.code, 'upstream_auth');
    const own = createServer((_incoming, outgoing) => {
      // The upload is taken, and then nobody listens any more.
      outgoing.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
      own.close();
      outgoing.end(JSON.stringify({ id: 'file-in', status: 'processed' }));
    });
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve));
    const place = own.address();
    assert.ok(typeof place === 'object' && place !== null);
    const gone = await open({ baseUrl: `http://127.0.0.1:${place.port}/v1` }).submit(job, oneLine());
    assert.ok(gone.kind === 'refused');
    assert.equal(gone.error.code, 'upstream_unreachable');
  });

  test('an upload that fails is refused, and nothing is created', async () => {
    for (const answer of [json(500, {}), json(200, {}), json(429, {})]) {
      calls = [];
      answers['POST /v1/files'] = answer;
      const submitted = await open().submit(job, oneLine());
      assert.equal(submitted.kind, 'refused');
      assert.deepEqual(sent(), ['POST /v1/files']);
    }
  });

  test('waits for a file that is looked at first, and gives up in the end', async () => {
    answers['POST /v1/files'] = json(200, { id: 'file-in', status: 'pending' });
    answers['GET /v1/files/file-in'] = json(200, { id: 'file-in', status: 'Processed' });
    answers['POST /v1/batches'] = json(200, { id: 'batch_1' });
    assert.equal((await open({ waitsForFile: true }).submit(job, oneLine())).kind, 'accepted');
    calls = [];
    answers['GET /v1/files/file-in'] = json(200, { id: 'file-in', status: 'pending' });
    const clock = {
      ...createFakeClock(),
      after: (_ms: number, then: () => void) => {
        setImmediate(then);
        return () => {};
      },
    };
    const submitted = await open({ waitsForFile: true, clock }).submit(job, oneLine());
    assert.ok(submitted.kind === 'refused');
    assert.equal(submitted.error.code, 'upstream_overloaded');
    assert.equal(sent().at(-1), 'DELETE /v1/files/file-in');
  });

  test('looks for a job from the newest back to the time it was intended, in pages', async () => {
    const at = job.createdAtMs / 1000;
    const batch = (id: string, created: number | string, metadata: object | null = null) => ({
      id,
      created_at: created,
      metadata,
    });
    const mine = batch('mine', at + 1, { intermodal_submission: job.id });
    const other = batch('other', new Date((at + 60) * 1000).toISOString(), { intermodal_submission: 's' });
    const first = 'GET /v1/batches?limit=100';
    answers[first] = json(200, { data: [batch('new', at + 90), other], has_more: true });
    answers[`${first}&after=other`] = json(200, { data: [mine], has_more: false });
    const found = () => open().find(job, async () => false);
    assert.deepEqual(await found(), { kind: 'found', handle: 'mine' });
    answers[`${first}&after=other`] = json(200, { data: [batch('old', at - 3_600), mine], has_more: true });
    assert.deepEqual(await found(), { kind: 'absent' });
    answers[first] = json(200, { data: [], has_more: false });
    assert.deepEqual(await found(), { kind: 'absent' });
    for (const none of ['<html>', {}, [], null]) {
      answers[first] = json(200, none);
      await assert.rejects(found(), { code: 'upstream_malformed' });
    }
    answers[first] = json(200, { data: [batch('new', at + 90)], has_more: true });
    answers[`${first}&after=new`] = answers[first];
    assert.equal((await found()).kind, 'unsure');
  });

  test('an answer that is no batch is an error, not a job that runs forever', async () => {
    for (const none of ['<html>', {}, null]) {
      answers['GET /v1/batches/b'] = json(200, none);
      await assert.rejects(open().poll('b', job), { code: 'upstream_malformed' });
    }
  });

  test('a cancellation that is refused is one where the job has ended, else an error', async () => {
    answers['POST /v1/batches/b/cancel'] = json(409, { error: { message: 'ended' } });
    answers['GET /v1/batches/b'] = json(200, { id: 'b', status: 'completed' });
    await open().cancel('b', job);
    answers['GET /v1/batches/b'] = json(200, { id: 'b', status: 'in_progress' });
    await assert.rejects(open().cancel('b', job), GatewayError);
  });

  test('results that break off are an error, after what was whole', async () => {
    answers['GET /v1/batches/b'] = json(200, {
      id: 'b',
      status: 'completed',
      output_file_id: 'o',
      error_file_id: '',
    });
    answers['GET /v1/files/o/content'] = (_call, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '1000' });
      outgoing.write(
        `${JSON.stringify({ custom_id: `${job.id}-1`, response: { status_code: 200, body: {} } })}\r\n{"cus`,
      );
      setTimeout(() => outgoing.destroy(), 20);
    };
    const results: unknown[] = [];
    await assert.rejects(
      async () => {
        for await (const handful of open().results('b', job)) results.push(...handful);
      },
      { code: 'upstream_unreachable' },
    );
    assert.deepEqual(results, [{ kind: 'answered', key: 1, body: {} }]);
  });
});
