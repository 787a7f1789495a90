/** The configured accounts as providers. One whose settings have not changed since the last load is kept, and with it its tokens. */

import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { asObject, asString } from '../core/json.ts';
import type { Provider } from '../providers/contract.ts';
import { askedEnvironment, type Environment } from './environment.ts';
import type { Problem } from './problem.ts';
import type { Config, Registry } from './schema.ts';

/** What a provider was made of is kept to compare; it holds secrets and is shown nowhere. */
interface Made {
  readonly provider: Provider;
  readonly settings: string;
  /** Whether the environment, and the files that it names, still say what the provider was made from. */
  readonly holds: (env: Environment) => boolean;
}

/** By name. */
export type MadeProviders = ReadonlyMap<string, Made>;

/** What a config is resolved with. */
export interface ResolveWorld {
  readonly registry: Registry;
  readonly env: Environment;
  readonly clock: Clock;
  /** Changes the file's own value before anything else is read of it. */
  readonly rewrite?: (written: unknown) => unknown;
  /** Of the config that runs now: a provider whose settings have not changed stays, with its tokens. */
  readonly previous?: MadeProviders;
}

export function makeProviders(config: Config, world: ResolveWorld, problems: Problem[]): MadeProviders {
  const providers = new Map<string, Made>();
  for (const [name, written] of Object.entries(config.providers)) {
    const settings = JSON.stringify(written);
    const kept = world.previous?.get(name);
    if (kept !== undefined && kept.settings === settings && kept.holds(world.env)) {
      providers.set(name, kept);
      continue;
    }
    const { type, ...rest } = asObject(written);
    const found = world.registry[asString(type) ?? ''];
    if (found === undefined) continue;
    try {
      const { env, holds } = askedEnvironment(world.env);
      const provider = found.create(name, rest, { env, clock: world.clock });
      providers.set(name, { provider, settings, holds });
    } catch (thrown) {
      // Only our own words are sure to hold no secret.
      const reason = thrown instanceof GatewayError ? `: ${thrown.message.replace(/\.$/, '')}` : '';
      problems.push({
        path: ['providers', name],
        message: `this provider cannot be made from its settings${reason}`,
        fix: 'Look at its addresses and credentials, also at those from the environment.',
      });
    }
  }
  return providers;
}
