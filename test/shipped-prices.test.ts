/** Whoever starts from a config that the product ships sees what every request costs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadFile } from '../src/config/load.ts';
import { parseTarget } from '../src/core/target.ts';
import { providerTypes } from '../src/providers/registry.ts';
import { faultPlanSchema } from '../src/simulator/faults.ts';
import { createFakeClock } from './support/clock.ts';
import { november2026 } from './support/prices.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

for (const file of ['config/demo.yaml', 'config/production.yaml']) {
  describe(`every model that ${file} names`, () => {
    const world = { registry: providerTypes, env: {}, clock: createFakeClock(november2026) };
    const loaded = loadFile(join(root, file), { ...world, simulatorSchema: faultPlanSchema });
    assert.ok(loaded.ok);
    // Comments hold targets too, and a wildcard names no model.
    const text = readFileSync(join(root, file), 'utf8').replace(/#.*$/gm, '');
    const providers = [...loaded.providers.keys()].join('|');
    const names = new Set(text.match(new RegExp(`(?<![\\w/~.])(?:${providers})/[\\w.:@-]*\\w`, 'g')));

    test('is found', () => assert.ok(names.size >= 7, [...names].join(' ')));
    for (const name of names) {
      test(`${name} has a price`, () => {
        const target = parseTarget(name);
        assert.ok(target);
        const found = loaded.providers.get(target.provider)?.provider;
        assert.ok(found?.price, `${target.provider} says no prices`);
        for (const mode of [target.mode, 'queue'] as const)
          assert.ok(found.price(target.model, mode), `no price for ${mode}`);
      });
    }
  });
}
