/** The page of metrics says what the gateway serves: every name, its type and its labels, and nothing else. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { BatchStores } from '../src/stores/batch/contract.ts';
import { openStores } from '../src/stores/open.ts';
import { until } from './support/batch-road.ts';
import { claimSubmission, everything, noon, planned, runningBatch } from './support/batch-rows.ts';
import { startTestGateway, type TestGateway } from './support/gateway.ts';

const page = readFileSync(new URL('../docs/reference/metrics.md', import.meta.url), 'utf8');

/** Enough that every metric has a row: an answer, a refusal, a budget that is spent at once, and a batch that fails. */
const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
budgets:
  - { scope: all, daily: $0.000001, hard: false, alerts: [1%] }
routes:
  chat:
    chain: [openai/gpt-4.1-mini]
    cache: { for: 1m }
    canary: { chain: openai/gpt-4.1, phases: [{ share: 0%, for: 1h }] }
  sure:
    chain: [openai/gpt-4.1-nano]
    cascade: { confidence: { from: logprobs }, escalate: openai/gpt-4.1-mini, audit: 100%, calibrate_after: 60 }
batch: { poll: [20ms] }
`;
const faults = { batches: [{ duration_ms: 10, item_invalid: 100 }] };
/** What a cascade has learnt from, so that its gauges have something to say. */
const labels = Array.from({ length: 100 }, (_, index) => ({
  id: `req_${index}`,
  route: 'sure',
  atMs: index,
  kind: 'audit' as const,
  cheap: 'openai/gpt-4.1-nano',
  strong: 'openai/gpt-4.1-mini',
  confidence: 0.9,
  agreed: index % 10 > 0,
  cheapNanoUsd: 1,
  strongNanoUsd: 10,
}));
const folder = mkdtempSync(join(tmpdir(), 'intermodal-metrics-'));

/** One that is at a provider and that nobody looks at for a while, so that there is an age to tell. */
async function addSubmission(rows: BatchStores): Promise<void> {
  const { no } = await runningBatch(rows, ['waiting']);
  const id = 's00000000001';
  await rows.items.assign(planned(no, id), everything, noon);
  const work = await claimSubmission(rows, id);
  for (const state of ['sending', 'open'] as const)
    assert.ok(await rows.submissions.move(work, state, { sentAtMs: noon }));
  await rows.work.release(work, Date.now() + 86_400_000);
}

/** In the page: name, then type and labels. */
function written(): Map<string, string> {
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (.+?) \| .+\.(?: .+)? \|$/gm)];
  return new Map(
    rows.map(([, name = '', type = '', labels = '']) => {
      const names = labels === 'none' ? [] : labels.split(', ').map((label) => label.replaceAll('`', ''));
      return [name, `${type} of ${names.sort().join(', ')}`];
    }),
  );
}

/** In the answer: the same. `le` is a histogram’s own. */
function served(text: string): Map<string, string> {
  const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Map(
    types.map(([, name = '', type = '']) => {
      const suffix = type === 'histogram' ? '_bucket' : '';
      const row = new RegExp(`^${name}${suffix}(?:\\{(.*)\\})? `, 'm').exec(text);
      assert.ok(row, `${name} has no row, so its labels cannot be seen`);
      const labels = [...(row[1] ?? '').matchAll(/(\w+)="/g)].map((match) => match[1] ?? '');
      return [
        name,
        `${type} of ${labels
          .filter((label) => label !== 'le')
          .sort()
          .join(', ')}`,
      ];
    }),
  );
}

describe('the page of metrics', () => {
  let gateway: TestGateway;
  before(async () => {
    const stores = await openStores(':memory:');
    await stores.labels.add(labels);
    await addSubmission(stores.batch);
    gateway = await startTestGateway({ yaml, faults, stores, blobs: folder });
  });
  after(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });

  test('lists what /metrics serves', async () => {
    for (const model of ['chat', 'sure', 'no-such-route']) {
      const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
      });
      await answer.text();
    }
    const body = { model: 'chat', messages: [{ role: 'user', content: 'Hello' }] };
    const url = '/v1/chat/completions';
    const requests = [{ custom_id: 'a', method: 'POST', url, body }];
    const batch = await fetch(`${gateway.url}/v1/batches`, {
      method: 'POST',
      body: JSON.stringify({ requests, endpoint: url, completion_window: '24h' }),
    });
    await batch.text();
    // The line of a request is written when its answer has ended, on the gateway’s side a moment after ours.
    const text = await until(
      async () => (await fetch(`${gateway.url}/metrics`)).text(),
      (seen) =>
        /^intermodal_requests_total\{.*status="404"/m.test(seen) &&
        /^intermodal_budget_alerts_total\{/m.test(seen) &&
        /^intermodal_cascade_audits_total\{/m.test(seen) &&
        /^intermodal_cascade_calibration_error_ratio\{/m.test(seen) &&
        /^intermodal_batches_total\{/m.test(seen) &&
        /^intermodal_batch_late_submissions\{/m.test(seen),
    );
    const [ours, theirs] = [written(), served(text)];
    assert.ok(theirs.size >= 22, `only ${theirs.size} metrics`);
    assert.deepEqual(Object.fromEntries([...ours].sort()), Object.fromEntries([...theirs].sort()));
  });
});
