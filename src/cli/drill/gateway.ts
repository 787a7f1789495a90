/** The gateway of a drill, whole and in this process, beside stand-ins for all its providers; both live by the drill's clock. */
import { systemRandom } from '../../core/clock.ts';
import { makeId } from '../../core/ids.ts';
import { makeKey } from '../../core/key.ts';
import { dialectFolders } from '../../gateway/dialects/registry.ts';
import { startGateway } from '../../gateway/server.ts';
import type { GatewayWorld } from '../../gateway/world.ts';
import { createHealth } from '../../router/health.ts';
import { faultPlanSchema } from '../../simulator/faults.ts';
import { type Simulator, startSimulator } from '../../simulator/server.ts';
import { openStores } from '../../stores/open.ts';
import { silentLog } from '../../telemetry/log.ts';
import { createUpstream } from '../../upstream/upstream.ts';
import { openCapacity } from '../capacity.ts';
import { version } from '../version.ts';
import type { FastClock } from './clock.ts';
import { loadRehearsed, type Rehearsed } from './config.ts';
import { onClock } from './upstream.ts';

export interface RehearsedGateway {
  readonly url: string;
  readonly loaded: Rehearsed;
  readonly world: GatewayWorld;
  readonly simulator: Simulator;
  /** Text of a key by its name; absent: no keys are in use. */
  readonly keys: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

/** `keyNames`: keys that must be there, for budgets that are theirs. None: nobody needs one. */
export async function startRehearsal(
  file: string,
  clock: FastClock,
  keyNames: (loaded: Rehearsed) => readonly string[],
): Promise<RehearsedGateway> {
  const simulator = await startSimulator({ clock, faults: faultPlanSchema.parse({}) });
  try {
    const loaded = loadRehearsed(file, simulator.url, clock);
    const { policy } = loaded;
    const stores = await openStores(':memory:');
    const keys = new Map<string, string>();
    for (const name of keyNames(loaded)) {
      const { id, text, hash } = makeKey(false);
      const made = { id, name, hash, admin: false, limits: {}, budgets: {}, createdAtMs: clock.now() };
      if (await stores.keys.create(made)) keys.set(name, text);
    }
    const upstream = onClock(createUpstream(), clock);
    const health = createHealth(clock, () => policy.breaker);
    const shared = {
      policy: () => policy,
      upstream,
      health,
      clock,
      random: systemRandom,
      makeId,
      log: silentLog,
    };
    const capacity = await openCapacity({ ...shared, stores, redisUrl: undefined }, () => world);
    const world: GatewayWorld = {
      ...shared,
      ...capacity,
      configStatus: () => ({ version: 1, loadedAtMs: clock.now(), problems: [], warnings: loaded.warnings }),
      dialects: dialectFolders,
      maxBodyBytes: loaded.config.server.max_body,
      version,
    };
    const gateway = await startGateway(world, { host: '127.0.0.1', port: 0 });
    return {
      url: gateway.url,
      loaded,
      world,
      simulator,
      keys,
      async close() {
        await gateway.drain(0);
        await upstream.close();
        await capacity.close();
        await simulator.close();
      },
    };
  } catch (thrown) {
    await simulator.close();
    throw thrown;
  }
}
