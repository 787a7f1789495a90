/**
 * What every provider's batch endpoint must do, over the simulator: one suite, run on each of them beside its code. A case that a wire
 * cannot show is skipped with its reason in the subject.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test';
import { modelInfo } from '../../src/catalog/catalog.ts';
import type { BatchEndpoint, ChatEndpoint } from '../../src/providers/contract.ts';
import { type Simulator, startSimulator } from '../../src/simulator/server.ts';
import {
  askSync,
  assertTellsNo,
  type BatchSubject,
  countOf,
  ended,
  foundLater,
  handfuls,
  handleOf,
  keysOf,
  linesOf,
  newJob,
  openChat,
  readResults,
  rejection,
  run,
  running,
  type SuiteCase,
  send,
  textOf,
} from './batch-endpoint.ts';

export function testBatchEndpoint(subject: BatchSubject): void {
  describe(`${subject.name}: a batch endpoint`, () => {
    let simulator: Simulator;
    let chat: ChatEndpoint;
    let endpoint: BatchEndpoint;
    /** Enough for the wire's least. */
    let few: number;

    before(async () => {
      simulator = await startSimulator();
      ({ chat, endpoint } = openChat(subject, simulator.url));
      few = Math.max(20, endpoint.limits.leastItems);
    });
    beforeEach(() => simulator.setFaults({ batches: [{ duration_ms: 0 }] }));
    after(() => simulator.close());

    const batches = (rule: object): void => simulator.setFaults({ batches: [{ duration_ms: 0, ...rule }] });
    const some = (count = few) => linesOf(chat, count);
    const skipped = (context: TestContext, which: SuiteCase): boolean => {
      const reason = subject.skips?.[which];
      if (reason !== undefined) context.skip(reason);
      return reason !== undefined;
    };

    async function billed(): Promise<readonly string[]> {
      const answer = await fetch(`${simulator.url}/~simulator/invoice?format=jsonl`);
      const lines = (await answer.text()).split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line)).map(({ batch }) => batch.bodyHash);
    }
    const forget = () => fetch(`${simulator.url}/~simulator/invoice`, { method: 'DELETE' });
    const jobsThere = async (): Promise<number> => {
      const answer = await (await fetch(`${simulator.url}/~simulator/jobs`)).text();
      return JSON.parse(answer).jobs.length;
    };

    test('answers every item, by its key, with what a sync call gets', async (context) => {
      const lines = some();
      const { status, results } = await run(endpoint, lines);
      assert.deepEqual(status, { kind: 'ended', how: 'completed' });
      const keys = keysOf(results);
      const wanted = lines.map((line) => line.key);
      assert.deepEqual(
        keys.toSorted((a, b) => a - b),
        wanted,
      );
      for (const result of results) assert.equal(result.kind, 'answered');
      const third = results.find((result) => result.kind === 'answered' && result.key === wanted[3]);
      assert.ok(third?.kind === 'answered');
      assert.equal(textOf(chat, third.body), await askSync(chat, lines[3]?.body ?? ''));
      if (!skipped(context, 'shuffled')) assert.notDeepEqual(keys, wanted);
    });

    test('answers embeddings', async (context) => {
      if (skipped(context, 'embeddings')) return;
      const provider = subject.open(simulator.url);
      const model = modelInfo(subject.embeddingModel ?? '');
      const sync = provider.embeddings?.(model);
      const batch = provider.batch?.(model, 'embedding');
      assert.ok(sync !== undefined && batch !== undefined);
      const lines = Array.from({ length: few }, (_, key) => {
        const request = { kind: 'embedding' as const, model: model.id, inputs: [`Text ${key}`] };
        const { body } = sync.encode({ ...request, encoding: 'float', extensions: {} });
        return { key, body: JSON.stringify(body) };
      });
      const { results } = await run(batch, lines);
      assert.equal(countOf(results, 'answered'), few);
      for (const result of results)
        if (result.kind === 'answered') assert.ok(sync.readAnswer(result.body).vectors[0]?.length);
    });

    test('bodies that are spread over lines, and words of any script, arrive', async () => {
      const text = 'Zeile\nlinie \u2028 \u{1f600} "quoted" \\ end';
      const lines = linesOf(chat, few, (key) => `[[echo]]${text} ${key}`).map((line) => ({
        ...line,
        body: JSON.stringify(JSON.parse(line.body), null, 2),
      }));
      const { results } = await run(endpoint, lines);
      assert.equal(countOf(results, 'answered'), few);
      for (const result of results)
        if (result.kind === 'answered')
          assert.equal(textOf(chat, result.body), `${text} ${result.key}`.trim());
    });

    test('tells how a job stands while it runs', async () => {
      batches({ stuck: 100 });
      const sent = await send(endpoint, some());
      const handle = await running(sent);
      await simulator.finishJobs();
      assert.equal((await ended(sent, handle)).how, 'completed');
      assert.equal(countOf(await readResults(sent, handle), 'answered'), few);
    });

    test('tells an item’s error, and whether to try again', async (context) => {
      if (skipped(context, 'item-errors')) return;
      batches({ item_error: 100 });
      for (const result of (await run(endpoint, some())).results) {
        assert.ok(result.kind === 'failed');
        assert.notEqual(result.error.retry, 'never');
      }
      batches({ item_invalid: 100 });
      for (const result of (await run(endpoint, some())).results) {
        assert.ok(result.kind === 'failed');
        assert.ok(['invalid_request', 'upstream_refused_shape'].includes(result.error.code));
      }
    });

    test('tells items that were not done in time', async (context) => {
      if (skipped(context, 'expired-items')) return;
      batches({ expire: 100 });
      const { results } = await run(endpoint, some());
      assert.equal(countOf(results, 'expired'), few);
    });

    test('gives what is done of a job whose time is over', async (context) => {
      if (skipped(context, 'expired-job')) return;
      batches({ expire_job: 100 });
      const { status, results } = await run(endpoint, some(200));
      // Some wires tell it of the items alone.
      assert.ok(['expired', 'completed', 'failed'].includes(status.how));
      assert.ok(countOf(results, 'answered') < 150);
      assert.equal(countOf(results, 'failed') + countOf(results, 'unreadable'), 0);
    });

    test('cancels a job, once and again, and gives what was done', async (context) => {
      batches({ stuck: 100 });
      const sent = await send(endpoint, some());
      const handle = await running(sent);
      await endpoint.cancel(handle, sent.job);
      const { how } = await ended(sent, handle);
      assert.ok(how === 'cancelled' || how === 'completed');
      await endpoint.cancel(handle, sent.job);
      const results = await readResults(sent, handle);
      assert.equal(countOf(results, 'answered'), 0);
      if (!skipped(context, 'cancelled-items')) assert.equal(countOf(results, 'cancelled'), few);
    });

    test('leaves out what is missing, tells twice what is told twice, and reads on after a broken line', async (context) => {
      batches({ missing: 100 });
      assert.deepEqual((await run(endpoint, some())).results, []);
      batches({ duplicate: 100 });
      assert.equal(countOf((await run(endpoint, some())).results, 'answered'), 2 * few);
      if (skipped(context, 'broken-lines')) return;
      batches({ broken_line: 50 });
      const { results } = await run(endpoint, some(200));
      const broken = countOf(results, 'unreadable');
      assert.ok(broken > 50 && broken < 150);
      assert.equal(countOf(results, 'answered'), 200 - broken);
    });

    test('gives answers whose text is broken as they are', async () => {
      batches({ corrupt: 100 });
      assert.equal(countOf((await run(endpoint, some())).results, 'answered'), few);
    });

    test('tells a job that fails before it runs, and why', async (context) => {
      if (skipped(context, 'validation-failure')) return;
      batches({ validation_failure: 100 });
      const sent = await send(endpoint, some());
      const { how, error } = await ended(sent, handleOf(sent));
      assert.ok(how === 'failed' || how === 'refused');
      assert.ok(error !== undefined && error.message !== '');
      assertTellsNo(subject.secret, error);
    });

    test('does not know what became of a job whose creation got no answer, and finds it', async (context) => {
      if (skipped(context, 'lost-create')) return;
      await forget();
      batches({ lost_create: 100 });
      const sent = await send(endpoint, some());
      assert.equal(sent.submitted.kind, 'unknown');
      const handle = await foundLater(sent, simulator);
      await ended(sent, handle);
      assert.equal(countOf(await readResults(sent, handle), 'answered'), few);
      const lines = await billed();
      assert.equal(lines.length, few);
      assert.equal(new Set(lines).size, few, 'an item was paid twice');
    });

    test('finds nothing where the creation was a server’s error', async (context) => {
      if (skipped(context, 'create-error')) return;
      await run(endpoint, some());
      const before = await jobsThere();
      batches({ create_error: 100 });
      const sent = await send(endpoint, some());
      assert.equal(sent.submitted.kind, 'unknown');
      assert.equal(await jobsThere(), before);
      const found = await endpoint.find(sent.job, async () => true);
      assert.equal(found.kind, 'absent');
    });

    test('hands on how long a throttled poll is to wait', async (context) => {
      if (skipped(context, 'poll-throttle')) return;
      const sent = await send(endpoint, some());
      const handle = handleOf(sent);
      batches({ poll_throttle: 100, retry_after_s: 7 });
      const error = await rejection(endpoint.poll(handle, sent.job));
      assert.equal(error.code, 'rate_limited');
      assert.equal(error.retryAfterMs, 7_000);
      batches({});
      assert.equal((await ended(sent, handle)).how, 'completed');
    });

    test('is refused, to be sent later, where there is no room for its tokens', async (context) => {
      if (skipped(context, 'enqueued-tokens')) return;
      batches({ enqueued_tokens: 1 });
      const sent = await send(endpoint, some());
      if (sent.submitted.kind === 'refused') return assert.equal(sent.submitted.error.code, 'rate_limited');
      const { how, error } = await ended(sent, handleOf(sent));
      assert.deepEqual([how, error?.code], ['refused', 'rate_limited']);
    });

    test('is refused where the provider refuses the call, and tells no secret', async () => {
      for (const [kind, code] of [
        ['auth', 'upstream_auth'],
        ['rate-limit', 'rate_limited'],
      ] as const) {
        simulator.setFaults({ faults: [{ provider: subject.instance, kind, retry_after_s: 1 }] });
        const { submitted } = await send(endpoint, some());
        assert.ok(submitted.kind === 'refused');
        assert.equal(submitted.error.code, code);
        assertTellsNo(subject.secret, submitted.error);
      }
      for (const kind of ['outage', 'reset', 'refused', 'html', 'auth'] as const) {
        simulator.setFaults({ faults: [{ provider: subject.instance, kind }] });
        const { submitted, job } = await send(endpoint, some());
        assert.ok(submitted.kind !== 'accepted');
        assertTellsNo(subject.secret, submitted.error);
        assertTellsNo(subject.secret, await rejection(endpoint.poll('batch_none', job)));
        assertTellsNo(subject.secret, await rejection(endpoint.find(job, async () => false)));
      }
    });

    test('a provider that nobody can reach throws nothing at submission', async () => {
      const gone = openChat(subject, 'http://127.0.0.1:9');
      const { submitted } = await send(gone.endpoint, some());
      assert.ok(submitted.kind === 'refused' || submitted.kind === 'unknown');
      assert.notEqual(submitted.error.retry, 'never');
    });

    test('throws what the lines throw, and sends nothing', async () => {
      const before = await jobsThere();
      const failure = new Error('the blob is gone');
      async function* failing() {
        yield some().slice(0, 5);
        throw failure;
      }
      await assert.rejects(endpoint.submit(newJob(few, 1_000), failing()), (thrown) => thrown === failure);
      assert.equal(await jobsThere(), before);
    });

    test('a job that does not exist is an error', async () => {
      const error = await rejection(endpoint.poll('batch_0123456789abcdef', newJob(1, 1)));
      assert.ok(error.status >= 400);
    });

    test('finds its own among many', async () => {
      const known = new Set<string>();
      const sents = [];
      for (let times = 0; times < 3; times++) {
        const sent = await send(endpoint, some());
        known.add(handleOf(sent));
        await ended(sent, handleOf(sent));
        sents.push(sent);
      }
      for (const sent of sents) {
        const mine = handleOf(sent);
        const found = await endpoint.find(sent.job, async (handle) => handle !== mine && known.has(handle));
        assert.deepEqual(found, { kind: 'found', handle: mine });
      }
      const never = newJob(few, 1_000);
      const found = await endpoint.find(never, async (handle) => known.has(handle));
      assert.notEqual(found.kind, 'found');
    });

    test('discards what a job left, and does not mind that it is gone', async (context) => {
      if (skipped(context, 'discard')) return;
      const { handle, job } = await run(endpoint, some());
      assert.ok(endpoint.discard !== undefined);
      await endpoint.discard(handle, job);
      await endpoint.discard(handle, job);
      await assert.rejects(readResults({ endpoint, job }, handle));
    });

    test('carries 5,000 items', async () => {
      const count = Math.min(5_000, endpoint.limits.mostItems);
      const lines = some(count);
      const sent = { endpoint, job: newJob(count, 1_000_000) };
      const submitted = await endpoint.submit(sent.job, handfuls(lines, 500));
      const handle = handleOf({ ...sent, submitted });
      await ended(sent, handle);
      const results = await readResults(sent, handle);
      assert.equal(countOf(results, 'answered'), count);
      assert.equal(new Set(keysOf(results)).size, count);
    });
  });
}
