import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { cascadeOf, labelOf } from '../../../test/support/cascade.ts';
import { createFakeClock, type FakeClock } from '../../../test/support/clock.ts';
import type { Label, LabelStore } from '../../stores/routing/contract.ts';
import { acceptNothing } from './conformal.ts';
import { Thresholds } from './threshold.ts';

/** Labels in memory, as a store gives them, and how often it was asked. */
class Labels implements LabelStore {
  kept: Label[] = [];
  lists = 0;
  broken = false;

  add(labels: readonly Label[]): Promise<void> {
    this.kept.push(...labels);
    return Promise.resolve();
  }
  list({ route, kind }: { route: string; kind?: string }, limit: number): Promise<readonly Label[]> {
    this.lists += 1;
    const found = this.kept.filter((one) => one.route === route && one.kind === kind);
    return Promise.resolve(found.sort((one, other) => other.atMs - one.atMs).slice(0, limit));
  }
  count({ route }: { route: string }): Promise<number> {
    if (this.broken) return Promise.reject(new Error('no store'));
    return Promise.resolve(this.kept.filter((one) => one.route === route).length);
  }
  prune(): Promise<number> {
    return Promise.resolve(0);
  }
}

describe('the threshold of a route', () => {
  let clock: FakeClock;
  let store: Labels;
  let troubles: unknown[];
  let thresholds: Thresholds;
  beforeEach(() => {
    clock = createFakeClock();
    store = new Labels();
    troubles = [];
    thresholds = new Thresholds({ labels: store, clock, onTrouble: (error) => troubles.push(error) });
  });
  afterEach(async () => {
    await thresholds.close();
    assert.equal(clock.pending(), 0);
  });

  const audits = (count: number, agreed: (index: number) => boolean, raw = 0.9): Label[] =>
    Array.from({ length: count }, (_, index) =>
      labelOf({ id: `req_${raw}_${index}`, atMs: index + 1, confidence: raw, agreed: agreed(index) }),
    );
  const auto = cascadeOf({
    accept: { kind: 'auto', regret: 0.02, risk: 0.1, first: 0.85 },
    calibrateAfter: 150,
  });

  test('is what the config says until something is learnt', () => {
    assert.deepEqual(thresholds.of('classify', cascadeOf()), { threshold: 0.85 });
    assert.deepEqual(thresholds.of('other', auto), { threshold: 0.85 });
  });

  test('calibrates after so many audits, and not before', async () => {
    const cascade = cascadeOf();
    await store.add(audits(199, (index) => index % 2 === 0));
    thresholds.of('classify', cascade);
    await thresholds.refresh();
    assert.equal(thresholds.of('classify', cascade).calibration, undefined);
    await store.add([labelOf({ id: 'last', confidence: 0.9 })]);
    await thresholds.refresh();
    const confidence = thresholds.of('classify', cascade).calibration?.confidenceOf(0.9) ?? 0;
    assert.ok(Math.abs(confidence - 0.5) < 0.02, String(confidence));
    const [view] = thresholds.views();
    assert.ok(Math.abs((view?.agreement ?? 0) - 0.5) < 0.02);
    assert.ok((view?.error ?? 1) < 0.05);
  });

  test('is not calibrated by escalations alone: they say nothing of the scores that are accepted', async () => {
    const cascade = cascadeOf();
    const low = audits(1_000, () => false, 0.3).map((one) => ({ ...one, kind: 'escalation' as const }));
    await store.add(low);
    thresholds.of('classify', cascade);
    await thresholds.refresh();
    assert.equal(thresholds.of('classify', cascade).calibration, undefined);
  });

  test('auto: falls where answers agree, and accepts nothing where they do not', async () => {
    await store.add([...audits(300, () => true, 0.9), ...audits(300, () => true, 0.6)]);
    thresholds.of('classify', auto);
    await thresholds.refresh();
    assert.equal(thresholds.of('classify', auto).threshold, 0.6);
    await store.add(audits(400, (index) => index % 4 > 0, 0.95));
    await thresholds.refresh();
    assert.equal(thresholds.of('classify', auto).threshold, acceptNothing);
  });

  test('is looked at once a minute, and labels are only read where there are new ones', async () => {
    thresholds.of('classify', auto);
    await thresholds.refresh();
    const { lists } = store;
    await clock.advance(180_000);
    assert.equal(store.lists, lists);
    await store.add(audits(200, () => true));
    await clock.advance(60_000);
    assert.equal(store.lists, lists + 2);
    assert.equal(thresholds.of('classify', auto).threshold, 0.9);
  });

  test('stays as it is while the store cannot be read', async () => {
    thresholds.of('classify', auto);
    store.broken = true;
    await clock.advance(60_000);
    assert.equal(thresholds.of('classify', auto).threshold, 0.85);
    assert.ok(troubles.length > 0);
  });

  test('a share is held online, and a reload with another begins anew', () => {
    const share = cascadeOf({ accept: { kind: 'spend-share', share: 0.3, first: 0.5 } });
    for (let index = 0; index < 10; index++) thresholds.heard('classify', share, { accepted: true });
    assert.ok(Math.abs(thresholds.of('classify', share).threshold - 0.56) < 1e-9);
    const same = { ...share };
    assert.ok(Math.abs(thresholds.of('classify', same).threshold - 0.56) < 1e-9);
    const other = cascadeOf({ accept: { kind: 'spend-share', share: 0.2, first: 0.5 } });
    assert.equal(thresholds.of('classify', other).threshold, 0.5);
  });

  test('is forgotten of the route unused longest beyond a thousand', () => {
    for (let index = 0; index < 1_100; index++) thresholds.of(`route-${index}`, auto);
    assert.equal(thresholds.views().length, 1_000);
  });
});
