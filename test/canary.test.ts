/** Canaries over real sockets: who gets which chain, what callers see of a bad one, and what outlives a restart. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { z } from 'zod';
import { openStores } from '../src/stores/open.ts';
import { until } from './support/batch-road.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const folder = mkdtempSync(join(tmpdir(), 'intermodal-canary-'));
after(() => rmSync(folder, { recursive: true }));
let stores = 0;

function yaml(canary: string): string {
  return `
providers:
  openai: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
  anthropic: { type: anthropic, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~anthropic" }
breaker: { failures: 1000 }
routes:
  assistant:
    chain: [openai/gpt-4.1-mini]
    canary:
      chain: anthropic/claude-haiku-4-5
      ${canary}
`;
}

const half =
  'by: user\n      phases: [{ share: 50%, for: 1h }]\n      gates: { error_rate: 5%, least: 20, window: 6s }';

const running: TestGateway[] = [];
afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.close();
});

async function start(url: string, canary = half, faults: readonly object[] = []): Promise<TestGateway> {
  const gateway = await startTestGateway({
    yaml: yaml(canary),
    faults: { faults },
    stores: await openStores(url),
  });
  running.push(gateway);
  return gateway;
}

const newStore = (): string => join(folder, `${stores++}.db`);

interface Seen {
  readonly status: number;
  readonly target: string | null;
}

async function ask(
  { url }: TestGateway,
  user: string,
  dialect: 'openai' | 'anthropic' = 'openai',
): Promise<Seen> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const body =
    dialect === 'openai'
      ? { model: 'assistant', messages, safety_identifier: user }
      : { model: 'assistant', messages, max_tokens: 50, metadata: { user_id: user } };
  const response = await fetch(`${url}${dialect === 'openai' ? '/v1/chat/completions' : '/v1/messages'}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await response.text();
  return { status: response.status, target: response.headers.get('x-intermodal-target') };
}

const users = Array.from({ length: 60 }, (_, index) => `user-${index}`);
const askAll = (gateway: TestGateway) => Promise.all(users.map((user) => ask(gateway, user)));
const isCanary = ({ target }: Seen): boolean => target?.startsWith('anthropic/') === true;

const shape = z.object({ canaries: z.record(z.string(), z.record(z.string(), z.unknown())) });

async function health({ url }: TestGateway): Promise<z.output<typeof shape>> {
  return shape.parse(await (await fetch(`${url}/health`)).json());
}

async function untilState(gateway: TestGateway, state: string): Promise<void> {
  await until(
    () => health(gateway),
    ({ canaries }) => canaries['assistant']?.['state'] === state,
  );
}

describe('a canary behind a gateway', () => {
  test('keeps each user on one side, in either dialect, after a restart and on another replica', async () => {
    const store = newStore();
    const [first, other] = [await start(store), await start(store)];
    const sides = await askAll(first);
    const share = sides.filter(isCanary).length / users.length;
    assert.ok(share > 0.25 && share < 0.75, `${share}`);
    assert.deepEqual(await askAll(first), sides);
    assert.deepEqual(await askAll(other), sides);
    const spoken = await Promise.all(users.map((user) => ask(first, user, 'anthropic')));
    assert.deepEqual(spoken, sides);
    const { canaries } = await health(first);
    assert.deepEqual(canaries, { assistant: { state: 'running', share: 0.5, phase: 1 } });
  });

  test('that fails is rolled back: callers see no error, and nobody tries it again', async () => {
    const store = newStore();
    const faults = [{ provider: 'anthropic', kind: 'outage', status: 500 }];
    const gateway = await start(store, half, faults);
    const other = await start(store, half, faults);
    for (let round = 0; round < 4; round++)
      for (const seen of await askAll(gateway))
        assert.deepEqual(seen, { status: 200, target: 'openai/gpt-4.1-mini' });
    await untilState(gateway, 'rolled-back');
    const { canaries } = await health(gateway);
    assert.match(String(canaries['assistant']?.['why']), /^error rate 100\.0 %, usually 0\.0 %/);
    assert.equal(canaries['assistant']?.['share'], 0);
    const told = gateway.complaints.find(({ message }) => message.startsWith('a canary is rolled back'));
    assert.match(JSON.stringify(told?.fields), /"route":"assistant","why":"error rate 100\.0 %/);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    assert.match(metrics, /intermodal_canary_rolled_back\{route="assistant"\} 1/);
    assert.match(metrics, /intermodal_canary_share\{route="assistant"\} 0/);

    await untilState(other, 'rolled-back');
    const again = await start(store);
    assert.equal((await askAll(again)).filter(isCanary).length, 0);
    const changed = await start(store, half.replace('50%', '60%'));
    assert.ok((await askAll(changed)).some(isCanary), 'a changed canary begins anew');
  });

  test('that refuses what the usual model takes is not seen by callers either', async () => {
    const gateway = await start(newStore(), half, [{ provider: 'anthropic', kind: 'refuse-shape' }]);
    for (let round = 0; round < 4; round++)
      for (const seen of await askAll(gateway)) assert.equal(seen.status, 200);
    await untilState(gateway, 'rolled-back');
  });

  test('that answers otherwise is rolled back, by what the usual chain says off the callers’ path', async () => {
    const gateway = await start(
      newStore(),
      'phases: [{ share: 50%, for: 1h }]\n      by: user\n      gates: { agreement: 90%, least: 20, window: 10s }',
    );
    for (let round = 0; round < 8; round++) await askAll(gateway);
    await untilState(gateway, 'rolled-back');
    const { canaries } = await health(gateway);
    assert.match(
      String(canaries['assistant']?.['why']),
      /^\d+\.\d % of compared answers agree; at least 90\.0 % must/,
    );
    await gateway.world.ledger.flush();
    const [audits] = await gateway.world.spending.spend({ tag: 'audit' }, []);
    assert.ok(audits !== undefined && audits.attempts >= 20, JSON.stringify(audits));
  });

  test('that does well comes to take everything', async () => {
    const phases = 'phases: [{ share: 10%, for: 400ms }, { share: 100%, for: 400ms }]';
    const gateway = await start(newStore(), `by: request\n      ${phases}`);
    await askAll(gateway);
    await untilState(gateway, 'done');
    assert.ok((await askAll(gateway)).every(isCanary));
  });
});
