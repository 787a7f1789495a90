/** What routes with a cascade learn from audits and escalations, over real sockets, and whom they tell. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { z } from 'zod';
import { unpackFeatures } from '../src/router/complexity/features.ts';
import { until } from './support/batch-road.ts';
import { type CascadeGateway, header, json, startCascadeGateway, unsure } from './support/cascade-gateway.ts';
import { addKey } from './support/keys.ts';

describe('a cascade learns', () => {
  let scene: CascadeGateway;
  before(async () => {
    scene = await startCascadeGateway();
  });
  after(() => scene.close());
  beforeEach(() => scene.begin());
  afterEach(() => scene.settle());

  test('a share of escalations is held whatever the scores are', async () => {
    scene.gateway.simulator.setFaults(unsure);
    let escalated = 0;
    for (let index = 0; index < 100; index++) {
      const { response } = await scene.ask('share');
      if (header(response)?.startsWith('escalated') === true) escalated += 1;
    }
    // The bound is (1 + 2 step) / (step n): within 0.52 of the share after a hundred, and exact from there on.
    assert.ok(escalated < 85, String(escalated));
  });

  test('from audits: off the caller’s path, tagged, and of both answers', async () => {
    scene.gateway.simulator.setFaults({
      answers: [{ right: 1 }],
      faults: [{ provider: 'openai', model: 'gpt-4.1', kind: 'slow', delay_ms: 300 }],
    });
    const began = performance.now();
    const { response } = await scene.ask('audited');
    assert.ok(performance.now() - began < 250, 'the caller does not wait for it');
    assert.match(header(response) ?? '', /^accepted/);
    const [label] = await until(
      () => scene.stores.labels.list({ route: 'audited', kind: 'audit' }, 10),
      (labels) => labels.length > 0,
    );
    assert.equal(label?.id, response.headers.get('x-request-id'));
    assert.equal(label?.agreed, true);
    assert.ok(unpackFeatures(label?.features ?? '') !== undefined, 'it can be learnt from');
    assert.equal(label?.cheap, 'openai/gpt-4.1-nano');
    assert.equal(label?.strong, 'openai/gpt-4.1');
    assert.equal(label?.confidence, 1);
    const paid = await scene.entries(response, 2);
    const audit = paid.find(({ model }) => model === 'gpt-4.1');
    assert.deepEqual(audit?.tags, ['audit']);
    assert.equal(audit?.costNanoUsd, label?.strongNanoUsd);
    assert.ok((label?.strongNanoUsd ?? 0) > (label?.cheapNanoUsd ?? 0));
  });

  test('from escalations: every one is a label', async () => {
    scene.gateway.simulator.setFaults(unsure);
    const { response } = await scene.streamed('probable');
    const labels = await until(
      () => scene.stores.labels.list({ route: 'probable', kind: 'escalation' }, 100),
      (list) => list.some(({ id }) => id === response.headers.get('x-request-id')),
    );
    const label = labels.find(({ id }) => id === response.headers.get('x-request-id'));
    assert.equal(label?.agreed, false);
    assert.ok((label?.confidence ?? 1) < 0.01);
  });

  test('and says so to whoever looks at the metrics and the decision', async () => {
    await scene.ask('probable');
    const { response } = await scene.ask('field', { response_format: json });
    const text = await (await fetch(`${scene.gateway.url}/metrics`)).text();
    assert.match(text, /intermodal_cascade_answers_total\{route="field",outcome="accepted",why=""\} [1-9]/);
    assert.match(text, /intermodal_cascade_threshold\{route="field"\} 0.85/);
    const admin = await addKey(scene.stores, 'root', { admin: true });
    const shape = z.object({
      cascades: z.array(
        z.object({
          route: z.string(),
          threshold: z.number().nullable(),
          accepted: z.number(),
          escalated: z.number(),
          cost_usd_each: z.number().optional(),
          strong_usd_each: z.number().optional(),
          pays: z.boolean().nullable(),
        }),
      ),
    });
    const told = await until(
      async () => {
        const answer = await fetch(`${scene.gateway.url}/admin/cascades`, {
          headers: { authorization: `Bearer ${admin}` },
        });
        return answer.ok ? shape.parse(await answer.json()).cascades : [];
      },
      (list) => list.length > 0,
    );
    const probable = told.find(({ route }) => route === 'probable');
    assert.ok((probable?.escalated ?? 0) > 0 && (probable?.accepted ?? 0) > 0);
    assert.equal(typeof probable?.pays, 'boolean');
    assert.ok((probable?.strong_usd_each ?? 0) > 0);
    const id = response.headers.get('x-request-id') ?? '';
    const record = await until(
      () => Promise.resolve(scene.gateway.world.decisions.find(id)),
      (found) => found !== undefined,
    );
    assert.deepEqual(record?.notes, { cascade: 'accepted; confidence=1.00' });
  });
});
