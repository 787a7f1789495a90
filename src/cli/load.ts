/** Reads the config file, with everything that its checks need to know. Small commands load this, and no gateway. */
import { type Loaded, loadFile } from '../config/load.ts';
import type { MadeProviders } from '../config/make-providers.ts';
import { systemClock } from '../core/clock.ts';
import { providerTypes } from '../providers/registry.ts';
import { faultPlanSchema } from '../simulator/faults.ts';

export function load(file: string, previous?: MadeProviders): Loaded {
  return loadFile(file, {
    registry: providerTypes,
    env: process.env,
    clock: systemClock,
    simulatorSchema: faultPlanSchema,
    ...(previous === undefined ? {} : { previous }),
  });
}
