/** The gateway without what counts and guards: no keys, limits or budgets, nothing written down. What those add is the difference. */
import { readFileSync } from 'node:fs';
import { openCapacity } from '../../src/cli/capacity.ts';
import { loadText, writeProblems } from '../../src/config/load.ts';
import { systemClock, systemRandom } from '../../src/core/clock.ts';
import { makeId } from '../../src/core/ids.ts';
import { dialectFolders } from '../../src/gateway/dialects/registry.ts';
import { startGateway } from '../../src/gateway/server.ts';
import type { GatewayWorld } from '../../src/gateway/world.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { Pass } from '../../src/router/gate.ts';
import { createHealth } from '../../src/router/health.ts';
import { openStores } from '../../src/stores/open.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createUpstream } from '../../src/upstream/upstream.ts';

const file = process.argv[2] ?? '';
const loaded = loadText(file, readFileSync(file, 'utf8'), {
  registry: providerTypes,
  env: process.env,
  clock: systemClock,
});
if (!loaded.ok) throw new Error(writeProblems(loaded.problems));
const { policy } = loaded;

const free = { costNanoUsd: 0, listNanoUsd: 0, exact: true };
Pass.prototype.admit = () => ({ ok: true, id: '', waitMs: 0, settle: () => free });

const upstream = createUpstream();
const health = createHealth(systemClock, () => policy.breaker);
const capacity = await openCapacity(
  {
    stores: await openStores(':memory:'),
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
capacity.ledger.add = () => {};
capacity.metrics.attempt = () => {};
capacity.metrics.request = () => {};
const world: GatewayWorld = {
  ...capacity,
  exchange: { upstream, clock: systemClock },
  walk: { ...capacity.walk, observe: () => {} },
  policy: () => policy,
  configStatus: () => ({ version: 1, loadedAtMs: 0, problems: [], warnings: [] }),
  dialects: dialectFolders,
  upstream,
  health,
  clock: systemClock,
  random: systemRandom,
  makeId,
  log: silentLog,
  maxBodyBytes: 32_000_000,
  version: 'bare',
};
const gateway = await startGateway(world, { host: '127.0.0.1', port: 0 });
process.send?.({ port: gateway.port });
process.on('disconnect', () => process.exit());
