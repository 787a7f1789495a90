/** Keys for tests, in a store as the command line would put them there. */
import { makeKey } from '../../src/core/key.ts';
import type { KeyRecord, Stores } from '../../src/stores/contract.ts';

/** Makes one and answers with its text. */
export async function addKey(
  stores: Stores,
  name: string,
  overrides: Partial<KeyRecord> = {},
): Promise<string> {
  const { id, text, hash } = makeKey(overrides.admin === true);
  const made = await stores.keys.create({
    id,
    name,
    hash,
    admin: false,
    limits: {},
    budgets: {},
    createdAtMs: Date.now(),
    ...overrides,
  });
  if (!made) throw new Error(`There is a key "${name}" already.`);
  return text;
}
