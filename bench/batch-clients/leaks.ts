/** Whether anything that a caller was told holds an id that only a provider and we should know. */
import { asArray, asObject, asString } from '../../src/core/json.ts';
import type { Cell } from './tally.ts';
import type { World } from './world.ts';

/** Shorter ones would be found by chance. */
const leastLength = 8;

export async function idsOfProviders(world: World, cell: Cell): Promise<void> {
  const { jobs } = asObject(await world.scene.control('GET', 'jobs'));
  const ids = asArray(jobs).flatMap((job) => asString(asObject(job)['id']) ?? []);
  for (const account of ['openai/v1', 'azure/openai/v1']) ids.push(...(await filesOf(world, account)));
  const names = [...new Set(ids.map((id) => id.split('/').at(-1) ?? id))].filter(
    (id) => id.length >= leastLength,
  );
  cell.check(names.length > 20, () => `only ${names.length} ids of providers are known`);
  const all = world.told.join('\n');
  cell.check(all.length > 100_000, () => `callers were told only ${all.length} characters`);
  const leaked = names.filter((id) => all.includes(id));
  cell.check(leaked.length === 0, () => `callers were told ${leaked.slice(0, 5).join(', ')}`);
}

/** Those that the provider still has. */
async function filesOf(world: World, account: string): Promise<readonly string[]> {
  const response = await fetch(`${world.scene.simulator.url}/~${account}/files`, {
    headers: { authorization: 'Bearer k', 'api-key': 'k' },
  });
  const { data } = asObject(await response.json());
  return asArray(data).flatMap((file) => asString(asObject(file)['id']) ?? []);
}
