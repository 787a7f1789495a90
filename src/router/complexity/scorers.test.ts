import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFakeClock } from '../../../test/support/clock.ts';
import { route } from '../../../test/support/router.ts';
import type { Note, NoteStore } from '../../stores/routing/contract.ts';
import { featuresOf } from './features.ts';
import { Scan } from './scan.ts';
import { Scorers } from './scorers.ts';
import { writeScorer } from './stored.ts';
import { train } from './train.ts';

const scan = new Scan();
const examples = ['one', 'two words', 'three more words', 'a sentence of five words'].map((text, at) => {
  scan.read({ text, inputTokens: 1 });
  return { features: featuresOf(scan), worth: at % 2 };
});
const model = train(examples, () => 0.5);
const figures = { learned: 0.7, heuristic: 0.5, length: 0.5, low: 0.1, high: 0.3 };
const trial = (version: number) => ({ version, atMs: 1, labels: 400, heldOut: 120, on: true, figures });

function notes(): NoteStore & { list(): Promise<readonly Note[]>; all: Note[]; broken: boolean } {
  const store = {
    all: [] as Note[],
    broken: false,
    list: async () => {
      if (store.broken) throw new Error('the store is down');
      return store.all;
    },
    read: async () => undefined,
    write: async () => false,
    remove: async () => {},
  };
  return store;
}
const note = (version: number, value: unknown): Note => ({
  name: 'scorer/assistant',
  version,
  value,
  atMs: 1,
});
const on = (version: number): Note =>
  note(version, writeScorer({ last: trial(version), active: { trial: trial(version), model } }));

const trained = route([], { complexity: { mostChars: 100, weights: {}, scorer: 'trained' } });
const plain = route([], { complexity: { mostChars: 100, weights: {}, scorer: 'heuristic' } });

function open() {
  const clock = createFakeClock();
  const store = notes();
  const troubles: unknown[] = [];
  const scorers = new Scorers({ notes: store, clock, onTrouble: (error) => troubles.push(error) });
  return { clock, store, troubles, scorers };
}

describe('who scores', () => {
  test('is the heuristic until a training is switched on, then that, and the newest after half a minute', async () => {
    const { clock, store, scorers } = open();
    await scorers.open();
    assert.equal(scorers.of(trained).name, 'heuristic');
    store.all = [on(1)];
    await clock.advance(30_000);
    assert.equal(scorers.of(trained).name, 'trained:assistant@1');
    assert.equal(scorers.of(plain).name, 'heuristic');
    assert.equal(scorers.of(trained), scorers.of(trained), 'made once');
    store.all = [on(2)];
    await clock.advance(30_000);
    assert.equal(scorers.of(trained).name, 'trained:assistant@2');
    store.all = [];
    await clock.advance(30_000);
    assert.equal(scorers.of(trained).name, 'heuristic');
    scorers.close();
    assert.equal(clock.pending(), 0);
  });

  test('is the heuristic where the training was not switched on or cannot be read', async () => {
    const { store, scorers } = open();
    store.all = [note(1, writeScorer({ last: { ...trial(1), on: false } }))];
    await scorers.refresh();
    assert.equal(scorers.of(trained).name, 'heuristic');
    store.all = [note(2, { some: 'thing else' })];
    await scorers.refresh();
    assert.equal(scorers.of(trained).name, 'heuristic');
  });

  test('stays as it was while the store cannot be read, and says so', async () => {
    const { clock, store, troubles, scorers } = open();
    store.all = [on(1)];
    await scorers.open();
    store.broken = true;
    await clock.advance(30_000);
    assert.equal(troubles.length, 1);
    assert.equal(scorers.of(trained).name, 'trained:assistant@1');
    store.broken = false;
    store.all = [on(2)];
    await clock.advance(30_000);
    assert.equal(scorers.of(trained).name, 'trained:assistant@2');
    scorers.close();
  });
});
