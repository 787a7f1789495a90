/** Requests that wait, from the desk through a worker to an answer: a whole gateway beside a simulator, on real sockets. */
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { NewQueuedRequest, QueuedRequest } from '../src/queue/contract.ts';
import type { LedgerEntry, Stores } from '../src/stores/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { addKey } from './support/keys.ts';
import { queued } from './support/queued.ts';

const place = 'http://127.0.0.1:${SIMULATOR_PORT}';
const providers = `
providers:
  openai: { type: openai, api_key: sk-test, base_url: "${place}/~openai/v1" }
  second: { type: openai, api_key: sk-test, base_url: "${place}/~second/v1" }
  anthropic: { type: anthropic, api_key: sk-ant-test, base_url: "${place}/~anthropic" }
`;
const plain = 'routes: { ask: { chain: [openai/gpt-4.1-mini] } }';
/** A slow machine with six others on it. */
const longestMs = 60_000;

interface Scene {
  readonly gateway: TestGateway;
  readonly stores: Stores;
  add(id: string, content: string, changes?: Partial<NewQueuedRequest>): Promise<QueuedRequest>;
  ended(id: string, owner?: string): Promise<QueuedRequest>;
  until<T>(what: string, fact: () => Promise<T | undefined | false>): Promise<T>;
  entries(id: string): Promise<readonly LedgerEntry[]>;
  /** The same, once nothing in them is unknown. */
  booked(id: string): Promise<readonly LedgerEntry[]>;
  /** Lines of the simulator's bill whose note is that. */
  paid(note: string): Promise<number>;
}

interface StartOptions {
  readonly faults?: object;
  readonly at?: (place: string) => void | Promise<void>;
  /** Absent: empty ones in memory. */
  readonly stores?: Stores;
}

const open: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of open.splice(0)) await gateway.close();
});

async function start(yaml: string, { faults, at, stores: given }: StartOptions = {}): Promise<Scene> {
  const stores = given ?? (await openStores(':memory:'));
  const gateway = await startTestGateway({
    yaml: `${providers}\n${yaml}`,
    stores,
    queue: true,
    faults: faults ?? {},
    ...(at === undefined ? {} : { at }),
  });
  open.push(gateway);
  async function until<T>(what: string, fact: () => Promise<T | undefined | false>): Promise<T> {
    const latest = performance.now() + longestMs;
    for (;;) {
      const found = await fact();
      if (found !== undefined && found !== false) return found;
      if (performance.now() > latest) throw new Error(`It never came about: ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const entries = async (id: string): Promise<readonly LedgerEntry[]> => {
    const all = await stores.ledger.list({}, 10_000);
    return all.filter(({ requestId }) => requestId.startsWith(`${id}:`));
  };
  return {
    gateway,
    stores,
    entries,
    booked: (id) =>
      until(`the books of ${id}`, async () => {
        const found = await entries(id);
        return found.length > 0 && found.every(({ outcome }) => outcome !== 'unknown') && found;
      }),
    until,
    async add(id, content, changes = {}) {
      const nowMs = Date.now();
      const messages = [{ role: 'user', content }];
      const body = Buffer.from(JSON.stringify({ model: 'ask', max_tokens: 100, messages }));
      const times = { createdAtMs: nowMs, dueAtMs: nowMs, rankMs: nowMs, deadlineAtMs: nowMs + 600_000 };
      const request = queued(id, { owner: '', model: 'ask', route: 'ask', body, ...times, ...changes });
      return (await gateway.queue.desk.add(request)).request;
    },
    ended: (id, owner = '') =>
      until(`${id} has ended`, async () => {
        const request = await stores.queue.get(owner, id);
        return request?.endedAtMs !== undefined && request;
      }),
    async paid(note) {
      const response = await fetch(`${gateway.simulator.url}/~simulator/invoice?format=jsonl`);
      const lines = (await response.text()).split('\n').filter((line) => line !== '');
      return lines.map((line): { note?: string } => JSON.parse(line)).filter((line) => line.note === note)
        .length;
    },
  };
}

function contentOf(request: QueuedRequest): string {
  const body: { choices?: { message: { content: string } }[] } = JSON.parse(request.answer?.body ?? '{}');
  return body.choices?.[0]?.message.content ?? '';
}

describe('a request that waits', () => {
  test('is answered as a sync call would have been, and paid once', async () => {
    const scene = await start(plain);
    await scene.add('areq_1', '[[echo]] [[note:one]] hello');
    const request = await scene.ended('areq_1');
    assert.equal(request.state, 'answered', request.answer?.body);
    assert.equal(request.answer?.status, 200);
    assert.match(contentOf(request), /hello/);
    assert.equal(request.answer?.headers['x-intermodal-target'], 'openai/gpt-4.1-mini');
    assert.equal(request.answer?.headers['x-intermodal-request-id'], 'areq_1');
    assert.ok(request.costNanoUsd > 0);
    const entries = await scene.booked('areq_1');
    assert.equal(entries.length, 1);
    assert.equal(entries[0]?.costNanoUsd, request.costNanoUsd);
    assert.equal(await scene.paid('one'), 1);
    assert.deepEqual(scene.gateway.complaints, []);
  });

  test('is answered in its own dialect by whoever serves it', async () => {
    const scene = await start('routes: { ask: { chain: [anthropic/claude-haiku-4-5-20251001] } }');
    await scene.add('areq_1', '[[echo]] hello');
    const first = await scene.ended('areq_1');
    assert.match(contentOf(first), /hello/);
    const body = Buffer.from(
      JSON.stringify({
        model: 'ask',
        max_tokens: 50,
        messages: [{ role: 'user', content: '[[echo]] there' }],
      }),
    );
    await scene.add('areq_2', '', { dialect: 'anthropic-messages', body });
    const second = await scene.ended('areq_2');
    assert.match(second.answer?.body ?? '', /"type":"message".*there/);
  });

  test('that asked for a stream gets a whole answer', async () => {
    const scene = await start(plain);
    const messages = [{ role: 'user', content: '[[echo]] hello' }];
    const body = Buffer.from(
      JSON.stringify({ model: 'ask', messages, stream: true, stream_options: { include_usage: true } }),
    );
    await scene.add('areq_1', '', { body });
    assert.match(contentOf(await scene.ended('areq_1')), /hello/);
  });

  test('may be an embedding', async () => {
    const scene = await start('routes: { ask: { chain: [openai/text-embedding-3-small] } }');
    const body = Buffer.from(JSON.stringify({ model: 'ask', input: 'hello' }));
    await scene.add('areq_1', '', { dialect: 'openai-embeddings', operation: 'embedding', body });
    const { answer } = await scene.ended('areq_1');
    assert.match(answer?.body ?? '', /"embedding":/);
  });

  test('is refused in the words of its dialect where it never could be served', async () => {
    const scene = await start(plain);
    await scene.add('areq_1', 'x', { model: 'asl', route: 'asl' });
    const one = await scene.ended('areq_1');
    assert.equal(one.state, 'failed');
    assert.equal(one.answer?.status, 404);
    assert.match(one.answer?.body ?? '', /"code":"model_not_found"/);
    assert.match(one.answer?.body ?? '', /Did you mean/);
    await scene.add('areq_2', 'x', { owner: 'gone' });
    const two = await scene.until('it has failed', async () => {
      const request = await scene.stores.queue.get('gone', 'areq_2');
      return request?.state === 'failed' && request;
    });
    assert.equal(two.answer?.status, 403);
  });

  test('goes to the flex tier first, and on where that has no room', async () => {
    const faults = { faults: [{ provider: 'openai', kind: 'flex-full', times: 1 }] };
    const scene = await start('routes: { ask: { chain: [openai/gpt-5-mini] } }', { faults });
    const far = { deadlineAtMs: Date.now() + 86_400_000 };
    await scene.add('areq_1', '[[echo]] one', far);
    const first = await scene.ended('areq_1');
    assert.equal(first.answer?.headers['x-intermodal-target'], 'openai/gpt-5-mini', first.answer?.body);
    await scene.add('areq_2', '[[echo]] two', far);
    const target = (): Promise<string | undefined> =>
      scene.ended('areq_2').then(({ answer }) => answer?.headers['x-intermodal-target']);
    assert.equal(await target(), 'openai/gpt-5-mini@flex');
    await scene.add('areq_3', '[[echo]] three', { deadlineAtMs: Date.now() + 60_000 });
    assert.equal((await scene.ended('areq_3')).answer?.headers['x-intermodal-target'], 'openai/gpt-5-mini');
  });

  const cheap = 'openai/gpt-4.1-nano';
  const strong = 'anthropic/claude-haiku-4-5-20251001';
  const cascade = (terms: string): string =>
    `routes: { ask: { chain: [${cheap}], cascade: { ${terms}, escalate: ${strong}, audit: 0% } } }`;

  test('of a cascade is answered by the cheap model where it is sure, and by the strong one where not', async () => {
    const scene = await start(cascade('accept: { confidence: 0.8 }'));
    await scene.add('areq_sure', '[[echo]] {"label":"a","confidence":0.93}');
    await scene.add('areq_unsure', '[[echo]] {"label":"a","confidence":0.31}');
    const sure = (await scene.ended('areq_sure')).answer?.headers ?? {};
    assert.equal(sure['x-intermodal-target'], cheap);
    assert.equal(sure['x-intermodal-cascade'], 'accepted; confidence=0.93');
    const unsure = await scene.ended('areq_unsure');
    assert.equal(unsure.answer?.headers['x-intermodal-target'], strong, unsure.answer?.body);
    assert.equal(
      unsure.answer?.headers['x-intermodal-cascade'],
      'escalated; why=confidence; confidence=0.31',
    );
    const entries = await scene.booked('areq_unsure');
    assert.deepEqual(
      entries.map(({ outcome }) => outcome),
      ['served', 'served'],
    );
    assert.equal(
      entries.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0),
      unsure.costNanoUsd,
    );
  });

  test('of a cascade asks others whether they say the same', async () => {
    const scene = await start(cascade('confidence: { from: agreement, with: second/gpt-4.1-mini }'));
    await scene.add('areq_1', '[[echo]] spam');
    const { answer } = await scene.ended('areq_1');
    assert.equal(answer?.headers['x-intermodal-cascade'], 'accepted; confidence=1.00', answer?.body);
    assert.equal((await scene.booked('areq_1')).length, 2);
  });

  test('of a cascade keeps the cheap answer where the strong model is down, and says so', async () => {
    const faults = { faults: [{ provider: 'anthropic', kind: 'auth' }] };
    const scene = await start(cascade('accept: { confidence: 0.8 }'), { faults });
    await scene.add('areq_1', '[[echo]] {"label":"a","confidence":0.5}');
    const { answer } = await scene.ended('areq_1');
    assert.equal(answer?.headers['x-intermodal-target'], cheap, answer?.body);
    assert.equal(answer?.headers['x-intermodal-cascade'], 'kept; why=confidence; confidence=0.50');
  });

  test('of a cascade that no worker can judge is asked of the strong model', async () => {
    const scene = await start(cascade(`confidence: { from: judge, by: ${cheap} }`));
    await scene.add('areq_1', '[[echo]] hello');
    const target = (await scene.ended('areq_1')).answer?.headers['x-intermodal-target'];
    assert.equal(target, strong);
  });

  test('is called by a target that is a queue’s, and by no batch API', async () => {
    const chain = 'chain: [openai/gpt-4.1-mini@batch, openai/gpt-4.1-nano@queue]';
    const scene = await start(`routes: { ask: { ${chain} } }`);
    await scene.add('areq_1', '[[echo]] hello');
    const { answer } = await scene.ended('areq_1');
    assert.equal(answer?.headers['x-intermodal-target'], 'openai/gpt-4.1-nano@queue', answer?.body);
    assert.equal((await scene.booked('areq_1'))[0]?.mode, 'queue');
  });
});

describe('a request that is not answered at once', () => {
  test('is called again after what may pass, and says how often', async () => {
    const faults = { faults: [{ kind: 'outage', times: 2 }] };
    const scene = await start(plain, { faults });
    await scene.add('areq_1', '[[echo]] [[note:again]] hello');
    const request = await scene.ended('areq_1');
    assert.equal(request.state, 'answered');
    assert.equal(request.tries, 3);
    assert.equal(await scene.paid('again'), 1);
    const entries = await scene.booked('areq_1');
    assert.deepEqual(entries.map(({ outcome }) => outcome).toSorted(), ['failed', 'failed', 'served']);
  });

  test('goes on to the next of its chain', async () => {
    const faults = { faults: [{ provider: 'openai', kind: 'outage' }] };
    const scene = await start('routes: { ask: { chain: [openai/gpt-4.1-mini, second/gpt-4.1-mini] } }', {
      faults,
    });
    await scene.add('areq_1', '[[echo]] hello');
    const { answer, tries } = await scene.ended('areq_1');
    assert.equal(tries, 1);
    assert.equal(answer?.headers['x-intermodal-target'], 'second/gpt-4.1-mini');
    assert.equal(answer?.headers['x-intermodal-attempts'], '2');
  });

  test('fails with the provider’s error where no time is left for another call', async () => {
    const scene = await start(plain, { faults: { faults: [{ kind: 'outage' }] } });
    await scene.add('areq_1', 'hello', { deadlineAtMs: Date.now() + 3_000 });
    const { state, answer } = await scene.ended('areq_1');
    assert.equal(state, 'failed');
    assert.equal(answer?.status, 502);
    assert.match(answer?.body ?? '', /"error":/);
  });

  test('fails at once where it is the caller’s mistake, or its answer may not be bought elsewhere', async () => {
    const scene = await start(plain, { faults: { faults: [{ kind: 'content-filter', times: 1 }] } });
    await scene.add('areq_1', 'hello');
    const { state, answer, tries } = await scene.ended('areq_1');
    assert.deepEqual([state, answer?.status, tries], ['failed', 400, 1]);
  });

  test('ends at its deadline though nobody could call it', async () => {
    const scene = await start(`${plain}\nwaiting: { workers: 1 }`, { faults: { think_ms: 3_000 } });
    await scene.add('areq_1', 'takes the only worker');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.add('areq_2', 'has no time', { deadlineAtMs: Date.now() + 300 });
    const { state, answer, tries, endedAtMs = 0, deadlineAtMs } = await scene.ended('areq_2');
    assert.deepEqual([state, answer?.status], ['failed', 504]);
    assert.match(answer?.body ?? '', /deadline_exceeded/);
    assert.ok(tries <= 1 && endedAtMs - deadlineAtMs < 2_000, `${endedAtMs - deadlineAtMs} ms late`);
    assert.equal((await scene.entries('areq_2')).length, 0);
  });

  test('is cut at its deadline, and the books say what was begun', async () => {
    const scene = await start(plain, { faults: { faults: [{ kind: 'silence' }] } });
    await scene.add('areq_1', 'hello', { deadlineAtMs: Date.now() + 700 });
    const { state, answer } = await scene.ended('areq_1');
    assert.deepEqual([state, answer?.status], ['failed', 504]);
    assert.match(answer?.body ?? '', /deadline/);
    assert.equal((await scene.booked('areq_1')).length, 1);
  });

  test('is asked once more for the form that it must have, and no more', async () => {
    const schema = { type: 'object', properties: { first: { type: 'string' } }, required: ['first'] };
    const scene = await start(plain);
    const format = { type: 'json_schema', json_schema: { name: 'x', schema, strict: true } };
    const messages = [{ role: 'user', content: '[[note:form]] hello' }];
    const good = { model: 'ask', messages, response_format: format };
    await scene.add('areq_1', '', { body: Buffer.from(JSON.stringify(good)) });
    assert.equal((await scene.ended('areq_1')).state, 'answered');
    // Too short to end its JSON.
    const cut = { ...good, max_tokens: 1 };
    await scene.add('areq_2', '', { body: Buffer.from(JSON.stringify(cut)) });
    const { state, answer, tries } = await scene.ended('areq_2');
    assert.deepEqual([state, answer?.status, tries], ['failed', 502, 2], answer?.body);
    assert.match(answer?.body ?? '', /upstream_malformed/);
  });
});

describe('many requests that wait', () => {
  test('that are the same are called once, and each is answered', async () => {
    const scene = await start(plain, { faults: { think_ms: 300 } });
    await Promise.all(['a', 'b', 'c'].map((id) => scene.add(`areq_${id}`, '[[echo]] [[note:same]] hello')));
    // Another owner’s answer is another’s.
    await scene.add('areq_d', '[[echo]] [[note:same]] hello', { tags: ['other'] });
    const all = await Promise.all(['a', 'b', 'c', 'd'].map((id) => scene.ended(`areq_${id}`)));
    for (const request of all) assert.match(contentOf(request), /hello/);
    assert.equal(await scene.paid('same'), 1);
    assert.equal(all.filter(({ costNanoUsd }) => costNanoUsd > 0).length, 1);
    const twins = all.filter(({ answer }) => answer?.headers['x-intermodal-twin-of'] !== undefined);
    assert.equal(twins.length, 3);
    for (const { answer } of twins) assert.equal(answer?.headers['x-intermodal-cost'], '0.000000000');
  });

  test('are answered by what was answered before, where their route keeps answers', async () => {
    const scene = await start('routes: { ask: { chain: [openai/gpt-4.1-mini], cache: { for: 10m } } }');
    await scene.add('areq_a', '[[note:kept]] hello');
    const first = await scene.ended('areq_a');
    await scene.booked('areq_a');
    await scene.add('areq_b', '[[note:kept]] hello');
    const second = await scene.ended('areq_b');
    assert.equal(contentOf(second), contentOf(first));
    assert.match(second.answer?.headers['x-intermodal-cache'] ?? '', /^hit; age=\d+$/);
    assert.equal(second.answer?.headers['x-intermodal-cost'], '0.000000000');
    assert.equal(second.costNanoUsd, 0);
    assert.equal(await scene.paid('kept'), 1);
    const [entry] = await scene.booked('areq_b');
    assert.deepEqual([entry?.outcome, entry?.costNanoUsd], ['served', 0]);
    assert.ok((entry?.listNanoUsd ?? 0) > 0);
    await scene.add('areq_c', '[[note:kept]] hello', { headers: { 'cache-control': 'no-cache' } });
    assert.ok((await scene.ended('areq_c')).costNanoUsd > 0);
  });

  test('are answered by what was answered to their own key alone', async () => {
    const stores = await openStores(':memory:');
    for (const name of ['one', 'two']) await addKey(stores, name);
    const scene = await start('routes: { ask: { chain: [openai/gpt-4.1-mini], cache: { for: 10m } } }', {
      stores,
    });
    await scene.add('areq_a', '[[note:mine]] hello', { owner: 'one' });
    await scene.ended('areq_a', 'one');
    await scene.add('areq_b', '[[note:mine]] hello', { owner: 'two' });
    const other = await scene.ended('areq_b', 'two');
    assert.ok(other.costNanoUsd > 0);
    assert.equal(other.answer?.headers['x-intermodal-cache'], undefined);
    await scene.add('areq_c', '[[note:mine]] hello', { owner: 'one' });
    assert.equal((await scene.ended('areq_c', 'one')).costNanoUsd, 0);
    assert.equal(await scene.paid('mine'), 2);
  });

  test('wait for their own turn where the call that they joined brought nothing', async () => {
    const faults = { think_ms: 200, faults: [{ kind: 'content-filter', times: 1 }] };
    const scene = await start(plain, { faults });
    await Promise.all(['a', 'b'].map((id) => scene.add(`areq_${id}`, '[[echo]] hello')));
    const states = await Promise.all(['a', 'b'].map((id) => scene.ended(`areq_${id}`)));
    assert.deepEqual(states.map(({ state }) => state).toSorted(), ['answered', 'failed']);
  });

  test('are called by lane and age, one after another', async () => {
    const order: string[] = [];
    const scene = await start(`${plain}\nwaiting: { workers: 1, lanes: { normal: 5s, low: 20s } }`, {
      faults: { think_ms: 400 },
    });
    await scene.add('areq_first', 'takes the only worker');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    const nowMs = Date.now();
    const agedBy = (ms: number) => ({ createdAtMs: nowMs - ms });
    await scene.add('areq_low', 'a', { priority: 'low' });
    await scene.add('areq_normal', 'b', { priority: 'normal' });
    await scene.add('areq_high', 'c', { priority: 'high' });
    await scene.add('areq_aged', 'd', { priority: 'low', ...agedBy(30_000) });
    const names = ['low', 'normal', 'high', 'aged'];
    const ended = await Promise.all(names.map((name) => scene.ended(`areq_${name}`)));
    const sorted = ended.toSorted((one, other) => (one.endedAtMs ?? 0) - (other.endedAtMs ?? 0));
    for (const { id } of sorted) order.push(id.slice(5));
    assert.deepEqual(order, ['aged', 'high', 'normal', 'low']);
  });

  test('leave to others what limits keep for them, and meet no provider’s limit', async () => {
    const limits = '{ rpm: 600, concurrent: 10, burst: 10% }';
    const scene = await start(
      `limits: { "openai/gpt-4.1-mini": ${limits} }\n${plain}\nwaiting: { workers: 64 }`,
      { faults: { think_ms: 100, limits: [{ provider: 'openai', rpm: 600, concurrent: 10 }] } },
    );
    let most = 0;
    const ids = Array.from({ length: 60 }, (_, index) => `areq_${index}`);
    await Promise.all(ids.map((id) => scene.add(id, `[[echo]] ${id}`)));
    await scene.until('all have ended', async () => {
      most = Math.max(most, scene.gateway.queue.served.health().calling);
      const ended = await Promise.all(ids.map((id) => scene.stores.queue.get('', id)));
      return ended.every((one) => one?.endedAtMs !== undefined);
    });
    for (const id of ids) assert.equal((await scene.ended(id)).state, 'answered');
    assert.ok(most <= 7, `${most} of 10 places were taken by what can wait`);
    const response = await fetch(`${scene.gateway.simulator.url}/~simulator/limits`);
    assert.match(await response.text(), /"violations":0/);
    // What waited for room counts as no try.
    for (const id of ids) assert.equal((await scene.ended(id)).tries, 1);
  });

  test('of a route without room do not hold up another’s', async () => {
    const scene = await start(
      `limits: { "openai/gpt-4.1-mini": { rpm: 1 } }\nroutes: { ask: { chain: [openai/gpt-4.1-mini] }, free: { chain: [second/gpt-4.1-mini] } }\nwaiting: { workers: 4 }`,
    );
    for (let index = 0; index < 40; index++) await scene.add(`areq_full${index}`, `full ${index}`);
    await scene.add('areq_free', '[[echo]] free', { model: 'free', route: 'free' });
    const { state, createdAtMs, endedAtMs = 0 } = await scene.ended('areq_free');
    assert.equal(state, 'answered');
    assert.ok(endedAtMs - createdAtMs < 10_000);
  });

  test('spend no more than a budget has', async () => {
    const scene = await start(
      `${plain}\nbudgets: [{ scope: route, route: ask, daily: $0.0005 }]\nwaiting: { workers: 16 }`,
      { faults: { think_ms: 20 } },
    );
    const ids = Array.from({ length: 40 }, (_, index) => `areq_${index}`);
    await Promise.all(
      ids.map((id) => scene.add(id, `[[tokens:20]] ${id}`, { deadlineAtMs: Date.now() + 8_000 })),
    );
    const all = await Promise.all(ids.map((id) => scene.ended(id)));
    const spent = all.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
    assert.ok(spent <= 500_000, `${spent} nano-dollars of 500,000`);
    const failed = all.filter(({ state }) => state === 'failed');
    assert.ok(failed.length > 0 && failed.length < ids.length);
    for (const { answer } of failed)
      assert.ok(answer?.status === 402 || answer?.status === 504, answer?.body);
  });
});

describe('a request that its caller cancels', () => {
  test('while it waits costs nothing', async () => {
    const scene = await start(`${plain}\nwaiting: { workers: 1 }`, { faults: { think_ms: 500 } });
    await scene.add('areq_1', 'takes the only worker');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.add('areq_2', '[[note:never]] hello');
    assert.equal((await scene.gateway.queue.desk.cancel('', 'areq_2')).state, 'cancelled');
    assert.equal((await scene.gateway.queue.desk.cancel('', 'areq_2')).state, 'cancelled');
    await scene.ended('areq_1');
    await assert.rejects(scene.gateway.queue.desk.cancel('', 'areq_1'), { code: 'conflict' });
    await assert.rejects(scene.gateway.queue.desk.cancel('', 'areq_9'), { code: 'not_found' });
    assert.equal(await scene.paid('never'), 0);
  });

  test('while it is called is cut, and the books say so', async () => {
    const scene = await start(plain, { faults: { think_ms: 30_000 } });
    await scene.add('areq_1', 'hello');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.gateway.queue.desk.cancel('', 'areq_1');
    const [entry] = await scene.booked('areq_1');
    assert.equal(entry?.outcome, 'client-closed');
    const request = await scene.stores.queue.get('', 'areq_1');
    assert.deepEqual([request?.state, request?.answer], ['cancelled', undefined]);
    await scene.until('the hands are empty', async () => scene.gateway.queue.served.health().calling === 0);
  });
});

describe('a gateway that stops', () => {
  test('lets calls end, lets go of what waits, and leaves nothing held', async () => {
    const scene = await start(`${plain}\nlimits: { "openai/gpt-4.1-mini": { concurrent: 3 } }`, {
      faults: { think_ms: 700 },
    });
    const ids = Array.from({ length: 12 }, (_, index) => `areq_${index}`);
    await Promise.all(ids.map((id) => scene.add(id, `[[note:${id}]] ${id}`)));
    await scene.until('some are called', async () => scene.gateway.queue.served.health().calling > 0);
    await scene.gateway.queue.close(10_000);
    const states = await Promise.all(ids.map(async (id) => scene.stores.queue.get('', id)));
    const answered = states.filter((one) => one?.state === 'answered');
    assert.ok(answered.length > 0);
    for (const one of states) assert.notEqual(one?.state, 'calling');
    for (const one of answered) assert.equal(await scene.paid(one?.id ?? ''), 1);
    const entries = await scene.stores.ledger.list({}, 100);
    assert.deepEqual(
      entries.filter(({ outcome }) => outcome === 'unknown'),
      [],
    );
  });

  test('cuts what takes longer, and says what is not known of it', async () => {
    const scene = await start(plain, { faults: { think_ms: 60_000 } });
    await scene.add('areq_1', 'hello');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.gateway.queue.close(100);
    const request = await scene.stores.queue.get('', 'areq_1');
    assert.deepEqual([request?.state, request?.tries], ['waiting', 1]);
    const [entry] = await scene.entries('areq_1');
    assert.equal(entry?.outcome, 'client-closed');
  });
});

describe('a worker that another has taken the place of', () => {
  test('writes no answer, and books what it has spent', async () => {
    const scene: { now?: Scene } = {};
    let taken = 0;
    const opened = await start(plain, {
      async at(where) {
        if (where !== 'queue: after the call' || taken > 0) return;
        // As if its lease had ended while it called.
        const { queue } = scene.now?.stores ?? {};
        for (const held of (await queue?.claim(Date.now() + 3_600_000, 1, 1)) ?? []) {
          taken += 1;
          await queue?.release(held, Date.now());
        }
      },
    });
    scene.now = opened;
    await opened.add('areq_1', '[[echo]] [[note:twice]] hello');
    const request = await opened.ended('areq_1');
    assert.equal(taken, 1);
    assert.deepEqual([request.state, request.tries], ['answered', 3]);
    const entries = await opened.until('the books of both', async () => {
      const found = await opened.booked('areq_1');
      return found.length === 2 && found;
    });
    // Both calls were made, and both are told; neither hides the other.
    assert.equal(await opened.paid('twice'), 2);
    for (const entry of entries) assert.equal(entry.outcome, 'served');
    assert.equal(request.costNanoUsd, entries[0]?.costNanoUsd);
  });

  test('that is itself calls no second time', async () => {
    const opened = await start(plain, { faults: { think_ms: 800 } });
    await opened.add('areq_1', '[[echo]] [[note:slow]] hello');
    await opened.until('it is called', async () => opened.gateway.queue.served.health().calling === 1);
    // As if it had been so slow that its lease ran out: its row is there to be claimed, and it claims it.
    const [held] = await opened.stores.queue.claim(Date.now() + 3_600_000, 1, 1);
    assert.ok(held !== undefined && (await opened.stores.queue.release(held, Date.now())));
    opened.gateway.queue.poke();
    const request = await opened.ended('areq_1');
    assert.equal(request.state, 'answered');
    assert.equal(await opened.paid('slow'), 1);
    assert.deepEqual(
      (await opened.booked('areq_1')).map(({ outcome }) => outcome),
      ['served'],
    );
  });

  test('ends its call when it hears of it', async () => {
    const scene = await start(`${plain}\nbatch: { lease: 1s }`, { faults: { think_ms: 5_000 } });
    await scene.add('areq_1', 'hello');
    await scene.until('it is called', async () => scene.gateway.queue.served.health().calling === 1);
    await scene.stores.queue.cancel('', 'areq_1', Date.now());
    await scene.until('the call is cut', async () => scene.gateway.queue.served.health().calling === 0);
    assert.equal((await scene.booked('areq_1'))[0]?.outcome, 'client-closed');
  });
});

describe('the books', () => {
  test('say that a call’s cost is unknown, at its most, while it runs', async () => {
    const scene = await start(plain, { faults: { think_ms: 1_000 } });
    await scene.add('areq_1', 'hello');
    const [intent] = await scene.until('the intent', async () => {
      const found = await scene.entries('areq_1');
      return found.length > 0 && found;
    });
    assert.equal(intent?.outcome, 'unknown');
    assert.equal(intent?.exact, false);
    await scene.ended('areq_1');
    const [entry] = await scene.booked('areq_1');
    assert.equal(entry?.id, intent?.id);
    assert.ok((entry?.costNanoUsd ?? 0) < (intent?.costNanoUsd ?? 0));
  });
});
