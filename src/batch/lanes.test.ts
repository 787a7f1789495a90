import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { call, policy, route, target } from '../../test/support/router.ts';
import type { Arm, Canary } from '../router/canary/contract.ts';
import { Lanes } from './lanes.ts';
import type { ItemCall } from './shape/contract.ts';

const [fresh, old] = [target('new/1'), target('old/1')];
const canary: Canary = {
  id: 'one',
  chain: [{ options: [{ target: fresh, weight: 1 }] }],
  by: 'request',
  phases: [{ share: 0.5, forMs: 1 }],
  gates: { least: 1, windowMs: 1 },
};

const item = (id: string): ItemCall => ({
  ...call({ id, batch: 'b' }),
  operation: 'chat',
  format: () => undefined,
  lastText: () => '',
  encodeAnswer: () => ({}),
  answerOf: () => {
    throw new Error('nothing is answered here');
  },
});

describe('lanes of a batch', () => {
  test('part where a canary parts items, and share where it does not', () => {
    const arm = ({ id = '' }: { readonly id?: string }): Arm => (id < 'c' ? 'canary' : 'usual');
    const lanes = new Lanes(1, [], { view: () => ({ standing: 'ready', untilMs: 0 }), arm });
    const way = route([old], { canary });
    const chains = ['a', 'b', 'c', 'd'].map((id) => lanes.of(item(id), way, policy()));
    assert.deepEqual(
      chains.map(({ chain }) => chain),
      [['new/1', 'old/1'], ['new/1', 'old/1'], ['old/1'], ['old/1']],
    );
    assert.deepEqual(
      chains.map(({ lane }) => lane),
      [1, 1, 2, 2],
    );
  });

  test('are the usual ones where nobody arms', () => {
    const lanes = new Lanes(1, []);
    assert.deepEqual(lanes.of(item('a'), route([old], { canary }), policy()).chain, ['old/1']);
  });
});
