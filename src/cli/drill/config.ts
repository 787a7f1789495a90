/** A config as it is rehearsed: every provider stood in for, and nothing of it that lies outside this process. */
import { readFileSync } from 'node:fs';
import { type Loaded, loadText, writeProblems } from '../../config/load.ts';
import type { Clock } from '../../core/clock.ts';
import { asObject, asString, isObject } from '../../core/json.ts';
import { providerTypes } from '../../providers/registry.ts';
import { ConfigError } from '../config-error.ts';

export type Rehearsed = Extract<Loaded, { ok: true }>;

/** Throws `ConfigError` with what is wrong with the file. */
export function loadRehearsed(file: string, simulatorUrl: string, clock: Clock): Rehearsed {
  const loaded = loadText(file, readFileSync(file, 'utf8'), {
    registry: providerTypes,
    // Nothing of a real account: whatever is named is made up, and what has a default keeps it.
    env: {},
    clock,
    rewrite: (written) => rehearse(written, simulatorUrl),
  });
  if (!loaded.ok) throw new ConfigError(writeProblems(loaded.problems));
  return loaded;
}

function rehearse(written: unknown, simulatorUrl: string): unknown {
  if (!isObject(written)) return written;
  const { redis: _shared, simulator: _plan, store: _kept, providers, ...rest } = written;
  const made = asObject(fillUnset({ ...rest, store: ':memory:' }));
  const quiet = isObject(made['batch']) ? { batch: withoutWebhooks(made['batch']) } : {};
  return { ...made, ...quiet, providers: standIns(providers, simulatorUrl) };
}

/** A rehearsal tells nobody anything, and their secret is one that no word can stand for. */
function withoutWebhooks({ webhooks: _told, ...batch }: Readonly<Record<string, unknown>>): object {
  return batch;
}

function standIns(providers: unknown, simulatorUrl: string): unknown {
  if (!isObject(providers)) return providers;
  return Object.fromEntries(
    Object.entries(providers).map(([name, settings]) => {
      if (!isObject(settings)) return [name, settings];
      const type = providerTypes[asString(settings['type']) ?? ''];
      const other = type?.standIn?.(`${simulatorUrl}/~${name}`, settings);
      if (type !== undefined && other === undefined)
        throw new ConfigError(`Nothing can stand in for provider "${name}", so it cannot be rehearsed.`);
      const changed = Object.entries({ ...settings, ...other }).filter(([, value]) => value !== undefined);
      return [name, fillUnset(Object.fromEntries(changed))];
    }),
  );
}

/** Variables that only the real gateway has are taken to be `simulated`; a rehearsal asks for no secret. */
function fillUnset(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replace(/\$\$|\$\{(?:[A-Za-z_][A-Za-z0-9_]*|file:(?:\$\{[^{}]*\}|[^{}])*)\}/g, (found) =>
      found === '$$' ? found : 'simulated',
    );
  if (Array.isArray(value)) return value.map(fillUnset);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, fillUnset(one)]])),
  );
}
