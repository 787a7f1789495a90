import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createFakeClock, type FakeClock } from '../../../test/support/clock.ts';
import { type MemoryNotes, memoryNotes } from '../../../test/support/notes.ts';
import { call, route, target } from '../../../test/support/router.ts';
import type { Route } from '../contract.ts';
import type { Decision } from '../decide.ts';
import type { Canary, CanaryState } from './contract.ts';
import { CanaryNotes } from './notes.ts';
import { CanaryWatch } from './watch.ts';

const [fresh, old] = [target('new/1'), target('old/1')];
const hourMs = 3_600_000;
/** Replicas look every ten seconds. */
const lookMs = 10_000;

function canaryOf(changes: Partial<Canary> = {}): Canary {
  return {
    id: 'one',
    chain: [{ options: [{ target: fresh, weight: 1 }] }],
    by: 'request',
    phases: [
      { share: 0.05, forMs: 2 * hourMs },
      { share: 0.2, forMs: hourMs },
      { share: 1, forMs: hourMs },
    ],
    gates: { errorRate: 0.02, least: 50, windowMs: 300_000 },
    ...changes,
  };
}

interface Replica {
  readonly watch: CanaryWatch;
  readonly told: { readonly state: CanaryState; readonly gate: string | undefined }[];
  readonly troubles: unknown[];
  routes: readonly Route[];
}

describe('watching canaries', () => {
  let clock: FakeClock;
  let notes: MemoryNotes;
  let replicas: Replica[];

  beforeEach(() => {
    clock = createFakeClock();
    notes = memoryNotes();
    replicas = [];
  });
  afterEach(async () => {
    for (const { watch } of replicas) await watch.close();
    assert.equal(clock.pending(), 0, 'a timer was left behind');
  });

  async function start(canary: Canary | undefined = canaryOf()): Promise<Replica> {
    const told: Replica['told'] = [];
    const troubles: unknown[] = [];
    const watch = new CanaryWatch({
      notes,
      clock,
      routes: () => replica.routes,
      replica: `gw_${replicas.length}`,
      events: {
        changed: (_route, state, gate) => told.push({ state, gate }),
        trouble: (error) => troubles.push(error),
      },
    });
    const replica: Replica = { watch, told, troubles, routes: [routeWith(canary)] };
    replicas.push(replica);
    await watch.refresh();
    return replica;
  }

  const routeWith = (canary: Canary | undefined): Route =>
    route([old], canary === undefined ? {} : { canary });

  /** How many of a thousand requests it gets. */
  function shareOf({ watch, routes: [way] }: Replica): number {
    assert.ok(way);
    let hits = 0;
    for (let at = 0; at < 1_000; at++) if (watch.arm(call({ id: `r${at}` }), way) === 'canary') hits += 1;
    return hits / 1_000;
  }

  /** Requests of both arms; `failing`: those of the canary fail. */
  function serve({ watch, routes: [way] }: Replica, requests: number, failing: boolean): void {
    assert.ok(way);
    for (let at = 0; at < requests; at++) {
      const arm = at % 2 === 0 ? 'canary' : 'usual';
      const own = arm === 'canary' ? fresh : old;
      const decision: Decision = { route: way, arm, candidates: [own, old], passed: [] };
      const attempt = (outcome: 'served' | 'failed', name: string) => ({
        target: name,
        outcome,
        durationMs: 100,
      });
      const failed = failing && arm === 'canary';
      const tried = failed
        ? [{ ...attempt('failed', own.name), code: 'upstream_fault' as const }, attempt('served', old.name)]
        : [attempt('served', own.name)];
      watch.ended({ kind: 'served', tried, decided: { first: decision, last: decision, rounds: 1 } });
    }
  }

  test('gives it the share of its phase, and all once it is through', async () => {
    const replica = await start();
    assert.ok(Math.abs(shareOf(replica) - 0.05) < 0.03);
    await clock.advance(2 * hourMs);
    assert.ok(Math.abs(shareOf(replica) - 0.2) < 0.05);
    await clock.advance(2 * hourMs);
    assert.equal(shareOf(replica), 1);
    assert.deepEqual(
      replica.told.map(({ state }) => state),
      [
        { kind: 'running', phase: 0, share: 0.05 },
        { kind: 'running', phase: 1, share: 0.2 },
        { kind: 'running', phase: 2, share: 1 },
        { kind: 'done', share: 1 },
      ],
    );
  });

  test('begins on the day on which it was first seen, whatever is restarted', async () => {
    const first = await start();
    await clock.advance(2 * hourMs - 6 * lookMs);
    await first.watch.close();
    const second = await start();
    assert.ok(shareOf(second) < 0.1);
    await clock.advance(6 * lookMs);
    assert.ok(shareOf(second) > 0.15);
  });

  test('rolls a failing one back within its window, says why, and stays so after a restart and on other replicas', async () => {
    const [first, other] = [await start(), await start()];
    serve(first, 400, true);
    await clock.advance(lookMs);
    assert.equal(shareOf(first), 0);
    assert.equal(first.told.at(-1)?.gate, 'error_rate');
    const [report] = first.watch.list();
    assert.ok(report?.state.kind === 'rolled-back' && /error rate 100\.0 %/.test(report.state.why));
    await clock.advance(lookMs);
    assert.equal(shareOf(other), 0, 'the other replica goes on');
    assert.equal(other.told.at(-1)?.gate, undefined);
    const third = await start();
    assert.equal(shareOf(third), 0);
    await clock.advance(6 * hourMs);
    assert.equal(shareOf(third), 0);
  });

  test('leaves a healthy one alone', async () => {
    const replica = await start();
    for (let at = 0; at < 30; at++) {
      serve(replica, 100, false);
      await clock.advance(lookMs);
    }
    assert.ok(shareOf(replica) > 0);
    assert.equal(replica.watch.list()[0]?.gates[0]?.verdict, 'holds');
  });

  test('adds up what replicas see: none of them has seen enough alone', async () => {
    const all = [await start(), await start(), await start()];
    for (const replica of all) serve(replica, 60, true);
    await clock.advance(2 * lookMs);
    assert.deepEqual(all.map(shareOf), [0, 0, 0]);
  });

  test('compares with what the usual chain did last, where the canary takes all by now', async () => {
    const replica = await start(
      canaryOf({
        phases: [
          { share: 0.5, forMs: 300_000 },
          { share: 1, forMs: hourMs },
        ],
      }),
    );
    serve(replica, 400, false);
    await clock.advance(2 * lookMs);
    await clock.advance(600_000);
    assert.equal(shareOf(replica), 1);
    for (let at = 0; at < 200; at++) serve(replica, 1, true);
    await clock.advance(2 * lookMs);
    assert.equal(shareOf(replica), 0);
  });

  test('forgets little of the usual chain as its share dwindles to nothing', async () => {
    const replica = await start();
    for (let look = 0; look < 40; look++) {
      serve(replica, 20, false);
      await clock.advance(lookMs);
    }
    const known = new CanaryNotes(notes);
    const usual = async (): Promise<number> => {
      const record = await known.read('assistant', 'one');
      assert.ok(record);
      return (await known.figures('assistant', record, 300_000, clock.now())).usual.requests;
    };
    const before = await usual();
    assert.ok(before >= 280, `${before}`);
    await clock.advance(30 * lookMs);
    assert.ok((await usual()) >= before, `${await usual()}`);
    // And then traffic is a third of what it was, for hours.
    for (let look = 0; look < 200; look++) {
      serve(replica, 7, false);
      await clock.advance(lookMs);
    }
    assert.ok((await usual()) < before / 2, `${await usual()}`);
  });

  test('begins anew with a changed canary, and remembers that the former was rolled back', async () => {
    const replica = await start();
    serve(replica, 400, true);
    await clock.advance(lookMs);
    replica.routes = [routeWith(canaryOf({ id: 'two' }))];
    await replica.watch.refresh();
    assert.ok(shareOf(replica) > 0);
    await clock.advance(2 * lookMs);
    assert.ok(shareOf(replica) > 0, 'what the former did is held against the new one');
    replica.routes = [routeWith(canaryOf())];
    await replica.watch.refresh();
    assert.equal(shareOf(replica), 0);
  });

  test('holds still while replicas of an old and of a new config run side by side', async () => {
    const [before, after] = [await start(canaryOf({ id: 'one' })), await start(canaryOf({ id: 'two' }))];
    await clock.advance(2 * hourMs + 60_000);
    assert.ok(shareOf(before) > 0.15 && shareOf(after) > 0.15, 'they start one another’s anew');
  });

  test('sends nobody to it before it is known how it stands', async () => {
    notes.down = true;
    const replica = await start();
    assert.equal(shareOf(replica), 0);
    assert.equal(replica.troubles.length, 1);
    notes.down = false;
    await clock.advance(lookMs);
    assert.ok(shareOf(replica) > 0);
  });

  test('rolls back out of the store’s reach too, and writes it down once it can', async () => {
    const replica = await start();
    notes.down = true;
    serve(replica, 400, true);
    await clock.advance(lookMs);
    assert.equal(shareOf(replica), 0);
    await clock.advance(6 * lookMs);
    assert.equal(shareOf(replica), 0);
    notes.down = false;
    assert.equal((await new CanaryNotes(notes).read('assistant', 'one'))?.rolledBack, undefined);
    await clock.advance(2 * lookMs);
    const record = await new CanaryNotes(notes).read('assistant', 'one');
    assert.match(record?.rolledBack?.why ?? '', /error rate/);
  });

  test('forgets what it counted before it was begun again by hand', async () => {
    const replica = await start();
    serve(replica, 400, true);
    await clock.advance(lookMs);
    const startedAtMs = clock.now();
    await new CanaryNotes(notes).change('assistant', 'one', startedAtMs, () => ({ id: 'one', startedAtMs }));
    await clock.advance(10_000);
    assert.ok(shareOf(replica) > 0);
  });

  test('sends a request whose config is gone the usual way', async () => {
    const replica = await start();
    const [way] = replica.routes;
    assert.ok(way);
    replica.routes = [routeWith(undefined)];
    await replica.watch.refresh();
    assert.equal(replica.watch.arm(call(), way), 'usual');
    assert.deepEqual(replica.watch.list(), []);
  });
});
