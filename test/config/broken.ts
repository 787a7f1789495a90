/** The table of broken configs, and how one is judged; for the tests and for the proof that prints how many are exact. */
import { loadText } from '../../src/config/load.ts';
import { writeProblem } from '../../src/config/problem.ts';
import { providerTypes } from '../../src/providers/registry.ts';
import { faultPlanSchema } from '../../src/simulator/faults.ts';
import { createFakeClock } from '../support/clock.ts';
import { addresses } from './broken/addresses.ts';
import { batch } from './broken/batch.ts';
import type { Broken } from './broken/broken.ts';
import { budgets } from './broken/budgets.ts';
import { capacity } from './broken/capacity.ts';
import { chains } from './broken/chains.ts';
import { routes } from './broken/routes.ts';
import { sections } from './broken/sections.ts';
import { syntax } from './broken/syntax.ts';

export type { Broken } from './broken/broken.ts';

export const brokenConfigs: readonly Broken[] = [
  ...syntax,
  ...sections,
  ...chains,
  ...routes,
  ...capacity,
  ...budgets,
  ...addresses,
  ...batch,
];

const file = 'gateway.yaml';

/** What the author of the config is told, a line a problem; nothing if it was accepted. */
export function told(broken: Broken): readonly string[] {
  const world = {
    registry: providerTypes,
    env: broken.env ?? {},
    clock: createFakeClock(),
    simulatorSchema: faultPlanSchema,
  };
  const loaded = loadText(file, broken.yaml, world);
  return loaded.ok ? [] : loaded.problems.map(writeProblem);
}

export function wanted(broken: Broken): readonly string[] {
  return broken.says.map((line) => `${file}:${line}`);
}
