/**
 * What keys, limits, budgets, metrics and the ledger add to a request, without sockets: the road through the gate and back
 * with everything on, less the same road without, in CPU time of this process, the writing of the ledger’s file included.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCapacity } from '../../src/cli/capacity.ts';
import { loadText, writeProblems } from '../../src/config/load.ts';
import { systemClock, systemRandom } from '../../src/core/clock.ts';
import { makeId } from '../../src/core/ids.ts';
import { makeKey } from '../../src/core/key.ts';
import { keepDecision, observeRequest } from '../../src/gateway/account.ts';
import type { KeyRing, OpenKey } from '../../src/gateway/key-ring.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import type { Outcome } from '../../src/router/attempt.ts';
import type { Call, Sink } from '../../src/router/contract.ts';
import { Pass } from '../../src/router/gate.ts';
import { createHealth } from '../../src/router/health.ts';
import { walk } from '../../src/router/walk.ts';
import { openStores } from '../../src/stores/open.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createUpstream } from '../../src/upstream/upstream.ts';
import { guards, routes } from './contenders.ts';

const rounds = 5;
const requestsPerRound = 30_000;

class OpenPass extends Pass {
  override admit(): ReturnType<Pass['admit']> {
    return {
      ok: true,
      id: 'open',
      waitMs: 0,
      settle: () => ({ costNanoUsd: 0, listNanoUsd: 0, exact: true }),
    };
  }
}

const sink: Sink = { closed: false, onClose: () => () => {} };
const outcome: Outcome = {
  kind: 'served',
  usage: { inputTokens: 180, outputTokens: 150, cacheReadTokens: 0, reasoningTokens: 0 },
};

/** CPU µs a request that everything on adds. */
export async function measureAdded(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-added-'));
  const loaded = loadText('added.yaml', routes(1) + guards, {
    registry: providerTypes,
    env: {},
    clock: systemClock,
  });
  if (!loaded.ok) throw new Error(writeProblems(loaded.problems));
  const { policy } = loaded;
  const route = policy.find('gpt-4.1-mini');
  if (route === undefined) throw new Error('the route is gone');
  const stores = await openStores(join(folder, 'ledger.db'));
  const made = makeKey(false);
  await stores.keys.create({
    id: made.id,
    name: 'bench',
    hash: made.hash,
    admin: false,
    limits: { requestsPerMinute: 1_000_000, inputTokensPerMinute: 1_000_000_000 },
    budgets: {},
    createdAtMs: 1,
  });
  const upstream = createUpstream();
  const health = createHealth(systemClock, () => policy.breaker);
  const capacity = await openCapacity(
    {
      stores,
      redisUrl: undefined,
      policy: () => policy,
      upstream,
      health,
      clock: systemClock,
      random: systemRandom,
      makeId,
      log: silentLog,
    },
    () => world,
  );
  const world = {
    ...capacity,
    policy: () => policy,
    configStatus: () => ({ version: 1, loadedAtMs: 0, problems: [], warnings: [] }),
    dialects: [],
    upstream,
    health,
    clock: systemClock,
    random: systemRandom,
    makeId,
    log: silentLog,
    maxBodyBytes: 1,
    version: 'bench',
  };
  const headers = { authorization: `Bearer ${made.text}` };

  const callOf = (key: OpenKey | undefined): Call => ({
    id: makeId('req_'),
    facts: {
      operation: 'chat',
      model: route.name,
      stream: false,
      inputTokens: 170,
      maxOutputTokens: 500,
      needs: [],
      nativeOnly: false,
    },
    protocol: 'openai-chat',
    tags: [],
    priority: 'normal',
    headers: {},
    draw: 0,
    startedAtMs: systemClock.now(),
    bodyBytes: 900,
    ...(key === undefined ? {} : { caller: key.caller }),
    prepare: () => {
      throw new Error('nothing is sent');
    },
  });
  const quiet = { ...capacity.walk, observe: () => {} };
  const open = async (): Promise<void> => {
    const call = callOf(undefined);
    await walk(
      quiet,
      call,
      route,
      sink,
      new OpenPass(capacity.gate, call, route, policy),
      async () => outcome,
    );
  };
  const guarded = async (keys: KeyRing): Promise<void> => {
    const key = keys.find(headers);
    const call = callOf(key);
    const pass = new Pass(capacity.gate, call, route, policy);
    const { kind, tried, decided } = await walk(capacity.walk, call, route, sink, pass, async () => outcome);
    const served = {
      requestId: call.id,
      dialect: 'openai-chat',
      route: route.name,
      key: key.caller.key,
      status: 200,
      outcome: kind,
      code: undefined,
      startedAtMs: call.startedAtMs,
      tried,
      policyVersion: policy.version,
      asked: { facts: call.facts, tags: call.tags, priority: call.priority },
      decided,
    };
    observeRequest(world, served);
    keepDecision(world, served);
  };
  const added: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const without = await cpuUs(open, async () => {});
    const everything = await cpuUs(
      () => guarded(capacity.keys),
      async () => void (await capacity.ledger.flush()),
    );
    // The first one warms up.
    if (round > 0) added.push(everything - without);
  }
  await capacity.close();
  await upstream.close();
  rmSync(folder, { recursive: true });
  return added.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
}

async function cpuUs(request: () => Promise<void>, after: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  for (let count = 0; count < requestsPerRound; count++) {
    await request();
    // As sockets would: timers and the ledger’s writes get their turn.
    if (count % 100 === 99) await new Promise((resolve) => setImmediate(resolve));
  }
  await after();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requestsPerRound;
}
