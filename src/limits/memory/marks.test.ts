/** Budgets of one process outlive its crash: a little too much is counted as used, never too little. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createFakeClock, type FakeClock, settle } from '../../../test/support/clock.ts';
import { MarkKeeper as Store } from '../../../test/support/mark-keeper.ts';
import type { Charge, Granted, Reservation, Verdict } from '../contract.ts';
import { MemoryLimits } from './limits.ts';
import { Marks } from './marks.ts';

const cap = 100_000;
const step = cap / 100;
const key = 'all/day';
const charge = (nanoUsd: number, capNanoUsd = cap): Charge => ({
  key,
  capNanoUsd,
  nanoUsd,
  expiresAtMs: 4_000_000_000_000,
});

let serial = 0;
const ask = async (limits: MemoryLimits, ...charges: readonly Charge[]): Promise<Verdict> =>
  limits.reserve({ id: `r${serial++}`, takes: [], slots: [], charges, maxWaitMs: 0 });

function granted(verdict: Verdict): Granted {
  assert.ok(verdict.ok, JSON.stringify(verdict));
  return verdict;
}

function start(store: Store, clock: FakeClock = createFakeClock()): MemoryLimits {
  return new MemoryLimits({ clock, marks: new Marks(store, new Map(store.durable)) });
}

describe('marks', () => {
  test('a crash costs at most a step, and never lets a cap be passed', async () => {
    const store = new Store();
    const limits = start(store);
    for (let count = 0; count < 50; count++)
      granted(await ask(limits, charge(300))).reservation.settle([], 300);
    const after = start(store);
    granted(await ask(after, charge(0)));
    const { usedNanoUsd } = after.budget(key);
    assert.ok(usedNanoUsd >= 15_000 && usedNanoUsd <= 15_000 + step, String(usedNanoUsd));
  });

  test('what was held for a moment is not counted as used for good', async () => {
    const store = new Store();
    const clock = createFakeClock();
    const limits = start(store, clock);
    const many: Granted[] = [];
    for (let count = 0; count < 40; count++) many.push(granted(await ask(limits, charge(2_000))));
    for (const one of many) one.reservation.settle([], 10);
    await clock.advance(60_000);
    granted(await ask(limits, charge(100))).reservation.settle([], 100);
    await settle();
    const after = start(store);
    granted(await ask(after, charge(0)));
    const { usedNanoUsd } = after.budget(key);
    assert.ok(usedNanoUsd >= 500 && usedNanoUsd <= 500 + 2 * step, String(usedNanoUsd));
  });

  test('nothing may be sent before its mark is durable', async () => {
    const store = new Store();
    store.held = true;
    const limits = start(store);
    let answered = false;
    const asked = ask(limits, charge(300)).then((verdict) => {
      answered = true;
      return verdict;
    });
    await settle();
    assert.equal(answered, false);
    assert.equal(limits.budget(key).heldNanoUsd, 300);
    await store.release();
    granted(await asked);
  });

  test('a writer that fails refuses, gives back what was set aside, and is asked again', async () => {
    const store = new Store();
    store.failing = true;
    const limits = start(store);
    const take = {
      bucket: { key: 'rpm', limit: 60, periodMs: 60_000, burst: 60 },
      amount: 1,
      floor: 0,
      mayWait: true,
    };
    const slots = [{ key: 'places', limit: 1, amount: 1 }];
    const whole = { takes: [take], slots, charges: [charge(300)], maxWaitMs: 0 };
    let released = 0;
    limits.onRelease(() => {
      released += 1;
    });
    await assert.rejects(async () => limits.reserve({ id: 'one', ...whole }), /the disk is full/);
    assert.deepEqual(limits.budget(key), { usedNanoUsd: 0, heldNanoUsd: 0 });
    assert.equal(limits.level(take.bucket), 60);
    assert.equal(released, 1);
    store.failing = false;
    granted(await limits.reserve({ id: 'two', ...whole }));
  });

  test('hardly anybody waits, and a window takes some hundred writes', async () => {
    const store = new Store();
    const limits = start(store);
    let waited = 0;
    for (let count = 0; count < 10_000; count++) {
      const verdict = limits.reserve({
        id: `w${count}`,
        takes: [],
        slots: [],
        charges: [charge(10)],
        maxWaitMs: 0,
      });
      if (verdict instanceof Promise) waited += 1;
      granted(await verdict).reservation.settle([], 10);
    }
    assert.equal(limits.budget(key).usedNanoUsd, cap);
    assert.equal((await ask(limits, charge(1))).ok, false);
    assert.ok(waited <= 2, `${waited} waited`);
    assert.ok(store.writes <= 210, `${store.writes} writes`);
  });

  test('soft budgets write nothing', async () => {
    const store = new Store();
    const limits = start(store);
    granted(await ask(limits, charge(5_000, Number.POSITIVE_INFINITY)));
    assert.equal(store.writes, 0);
  });

  test('an orderly close is exact, whatever is still being written', async () => {
    const store = new Store();
    const limits = start(store);
    granted(await ask(limits, charge(300))).reservation.settle([], 123);
    store.held = true;
    const running = ask(limits, charge(2_000));
    await settle();
    assert.equal(store.waiting.length, 1);
    const closed = limits.close();
    await settle();
    // The mark that was on its way must not land on top of the exact one.
    assert.equal(store.waiting.length, 1);
    await store.release();
    granted(await running);
    await closed;
    assert.equal(store.durable.get(key), 2_123);
    const after = start(store);
    granted(await ask(after, charge(0)));
    assert.equal(after.budget(key).usedNanoUsd, 2_123);
  });

  test('a mark that covers many is one write, however many come at once', async () => {
    const store = new Store();
    store.held = true;
    const limits = start(store);
    const asked = Array.from({ length: 30 }, () => ask(limits, charge(100)));
    await settle();
    assert.equal(store.waiting.length, 1);
    await store.release();
    for (const one of asked) granted(await one);
    assert.ok(store.writes <= 4, `${store.writes} writes`);
  });

  type Op = {
    readonly do: 'reserve' | 'settle' | 'end' | 'fail' | 'crash' | 'pass';
    readonly nanoUsd: number;
  };
  const op: fc.Arbitrary<Op> = fc.record({
    do: fc.constantFrom(
      'reserve' as const,
      'reserve' as const,
      'settle' as const,
      'settle' as const,
      'end' as const,
      'fail' as const,
      'crash' as const,
      'pass' as const,
    ),
    nanoUsd: fc.nat(6_000),
  });

  test('over random lives and crashes no more goes out than the cap, and none is forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 80 }), async (ops) => {
        const store = new Store();
        store.held = true;
        const clock = createFakeClock();
        let limits = start(store, clock);
        /** Of all lives: what was granted counts as spent, at least until it is settled for less. */
        let gone = 0;
        let open: { reservation: Reservation; nanoUsd: number }[] = [];
        let life = 0;
        for (const { do: what, nanoUsd } of ops) {
          switch (what) {
            case 'reserve': {
              const born = life;
              void ask(limits, charge(nanoUsd)).then(
                (verdict) => {
                  // A dead process sends nothing.
                  if (!verdict.ok || born !== life) return;
                  gone += nanoUsd;
                  open.push({ reservation: verdict.reservation, nanoUsd });
                },
                () => undefined,
              );
              await settle();
              break;
            }
            case 'settle': {
              const one = open.shift();
              if (one === undefined) break;
              const spent = Math.min(nanoUsd, one.nanoUsd);
              gone -= one.nanoUsd - spent;
              one.reservation.settle([], spent);
              break;
            }
            case 'end':
            case 'fail':
              await store.release(what === 'fail');
              break;
            case 'pass':
              await clock.advance(60_000);
              break;
            case 'crash':
              life += 1;
              open = [];
              // What was on its way may have arrived or not; here it has not.
              store.waiting.length = 0;
              limits = start(store, clock);
          }
          const { usedNanoUsd, heldNanoUsd } = limits.budget(key);
          assert.ok(gone <= cap, `${gone} went out`);
          if (life > 0 && usedNanoUsd > 0)
            assert.ok(usedNanoUsd + heldNanoUsd >= gone, `${usedNanoUsd} + ${heldNanoUsd} of ${gone}`);
        }
      }),
      { numRuns: 500 },
    );
  });
});
