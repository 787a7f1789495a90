import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFakeClock, settle } from '../../test/support/clock.ts';
import { Bell } from './bell.ts';

const inTime = (ms: number) => async (): Promise<number> => ms;

test('sleeps for its time', async () => {
  const clock = createFakeClock();
  const bell = new Bell(clock);
  let awake = false;
  const sleep = bell.sleep(bell.look(), inTime(100)).then(() => {
    awake = true;
  });
  await clock.advance(99);
  assert.equal(awake, false);
  await clock.advance(1);
  await sleep;
  assert.equal(clock.pending(), 0);
});

test('no time is no sleep', async () => {
  const clock = createFakeClock();
  const bell = new Bell(clock);
  await bell.sleep(bell.look(), inTime(0));
  await bell.sleep(bell.look(), inTime(-5));
  assert.equal(clock.pending(), 0);
});

test('a ring wakes one, and its timer goes with it', async () => {
  const clock = createFakeClock();
  const bell = new Bell(clock);
  const awake: string[] = [];
  const sleep = (name: string): Promise<void> =>
    bell.sleep(bell.look(), inTime(100)).then(() => void awake.push(name));
  const sleeps = [sleep('first'), sleep('second'), sleep('third')];
  await settle();
  assert.equal(clock.pending(), 1, 'they share one timer');
  void bell.ring();
  await settle();
  assert.equal(awake.length, 1);
  bell.close();
  await Promise.all(sleeps);
  assert.equal(clock.pending(), 0);
});

test('a ring between the look and the sleep is heard, also while the time is asked for', async () => {
  const clock = createFakeClock();
  const bell = new Bell(clock);
  const before = bell.look();
  void bell.ring();
  await bell.sleep(before, () => assert.fail('nobody sleeps'));
  const again = bell.look();
  await bell.sleep(again, async () => {
    void bell.ring();
    return 1_000;
  });
  assert.equal(clock.pending(), 0);
});

test('a ring is answered when somebody next looks, or when nobody will', async () => {
  const bell = new Bell(createFakeClock());
  let answered = 0;
  const ring = (): void => void bell.ring().then(() => (answered += 1));
  bell.look();
  ring();
  await settle();
  assert.equal(answered, 0, 'that look began before the ring');
  bell.look();
  await settle();
  assert.equal(answered, 1);
  ring();
  bell.close();
  await settle();
  assert.equal(answered, 2);
  ring();
  await settle();
  assert.equal(answered, 3);
});

test('the time is what the last who went to sleep was told, and wakes one', async () => {
  const clock = createFakeClock();
  const bell = new Bell(clock);
  let awake = 0;
  const sleep = (ms: number): void => void bell.sleep(bell.look(), inTime(ms)).then(() => (awake += 1));
  sleep(1_000);
  await settle();
  sleep(30);
  await clock.advance(30);
  assert.equal(awake, 1);
  assert.equal(clock.pending(), 0);
  void bell.ring();
  await settle();
  assert.equal(awake, 2);
});
