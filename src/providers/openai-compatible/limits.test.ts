import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelInfo } from '../../catalog/catalog.ts';
import fixtures from './fixtures/limits.json' with { type: 'json' };
import { flavorNames } from './flavors.ts';
import { provider } from './index.ts';
import { settings } from './settings.ts';

const clock = { now: () => 0, after: () => () => {} };

function endpointsOf(flavor: string) {
  const configured = settings.parse({ base_url: 'http://localhost:1234/v1', flavor });
  const server = provider.create('server', configured, { env: {}, clock });
  return [server.chat?.(modelInfo('llama-3.1-8b-instruct')), server.embeddings?.(modelInfo('embed'))];
}

describe('limits told beside answers', () => {
  for (const { from, flavor, headers, report } of fixtures)
    test(`are read as recorded: ${from}`, () => {
      for (const endpoint of endpointsOf(flavor))
        assert.deepEqual(endpoint?.readLimits?.(present(headers)), report);
    });

  for (const flavor of flavorNames)
    test(`are absent where a server says nothing: ${flavor}`, () => {
      for (const endpoint of endpointsOf(flavor))
        assert.equal(endpoint?.readLimits?.({ 'content-type': 'application/json' }), undefined);
    });
});

/** The rows of a JSON file get one type together, in which every header may be missing. */
function present(headers: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
