import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Mode } from '../core/target.ts';
import { type ChosenWay, chooseWay, type MayWait } from './mode.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

const usual: MayWait = {
  policy: { syncUnderMs: 30 * second, queueUnderMs: hour },
  deadlineMs: 24 * hour,
  priority: 'normal',
  toolTurn: false,
  named: new Set(['sync']),
  batchable: true,
};
const named = (...modes: Mode[]): Partial<MayWait> => ({ named: new Set(modes) });
const within = (deadlineMs: number): Partial<MayWait> => ({ deadlineMs });

const rows: readonly (readonly [string, Partial<MayWait>, ChosenWay['way'], ChosenWay['why']])[] = [
  ['a day, and a batch API', {}, 'batch', 'worth-batching'],
  ['an hour to the millisecond', within(hour), 'batch', 'worth-batching'],
  ['just under an hour', within(hour - 1), 'queue', 'short-deadline'],
  ['half a minute to the millisecond', within(30 * second), 'queue', 'short-deadline'],
  ['just under half a minute', within(30 * second - 1), 'sync', 'no-time'],
  ['no time, and only flex answers over a line', { ...within(second), ...named('flex') }, 'sync', 'no-time'],
  ['no time, held for all of it', { ...within(10 * second), holdMs: 10 * second }, 'sync', 'no-time'],
  [
    'no time, but the line is held for less',
    { ...within(10 * second), holdMs: 2 * second },
    'queue',
    'short-deadline',
  ],
  [
    'no time, and the line is not held at all',
    { ...within(10 * second), holdMs: 0 },
    'queue',
    'short-deadline',
  ],
  ['a day, the line held a little', { holdMs: 5 * second }, 'batch', 'worth-batching'],
  ['what a tool has given back', { toolTurn: true }, 'queue', 'tool-turn'],
  ['what a tool has given back, at once', { toolTurn: true, ...within(second) }, 'sync', 'no-time'],
  ['urgent, with a day', { priority: 'high' }, 'queue', 'high-priority'],
  ['not urgent', { priority: 'low' }, 'batch', 'worth-batching'],
  ['no batch API takes it', { batchable: false }, 'queue', 'no-batch-api'],
  ['the chain names the queue', named('sync', 'queue'), 'queue', 'named-queue'],
  ['the chain names the queue alone', named('queue'), 'queue', 'named-queue'],
  ['the queue alone, and no time', { ...named('queue'), ...within(second) }, 'queue', 'short-deadline'],
  ['the chain names both ways to wait', named('sync', 'queue', 'batch'), 'batch', 'worth-batching'],
  [
    'both ways to wait, half an hour',
    { ...named('queue', 'batch'), ...within(30 * minute) },
    'queue',
    'short-deadline',
  ],
  ['only batch APIs, with a day', named('batch'), 'batch', 'batch-only'],
  ['only batch APIs, half an hour', { ...named('batch'), ...within(30 * minute) }, 'batch', 'batch-only'],
  ['only batch APIs, no time', { ...named('batch'), ...within(second) }, 'batch', 'batch-only'],
  ['only batch APIs, urgent', { ...named('batch'), priority: 'high' }, 'batch', 'batch-only'],
  ['only batch APIs, a tool’s turn', { ...named('batch'), toolTurn: true }, 'batch', 'batch-only'],
  [
    'only a batch API, which lacks what it needs',
    { ...named('batch'), batchable: false },
    'queue',
    'no-batch-api',
  ],
  [
    'thresholds of its route',
    { policy: { syncUnderMs: 0, queueUnderMs: 0 }, ...within(1) },
    'batch',
    'worth-batching',
  ],
  [
    'a route that never batches',
    { policy: { syncUnderMs: second, queueUnderMs: Number.POSITIVE_INFINITY } },
    'queue',
    'short-deadline',
  ],
];

describe('which way a request goes that may wait', () => {
  for (const [what, changes, way, why] of rows)
    test(`${what}: ${way}`, () => assert.deepEqual(chooseWay({ ...usual, ...changes }), { way, why }));
});
