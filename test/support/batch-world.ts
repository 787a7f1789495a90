/** The world of the batch road, of this process alone; a test names what it is about, and what it does not name and must not need fails. */
import assert from 'node:assert/strict';
import { silentEvents } from '../../src/batch/alerts.ts';
import { Room } from '../../src/batch/room.ts';
import { defaultBatchSettings } from '../../src/batch/settings.ts';
import type { BatchWorldInside } from '../../src/batch/world.ts';
import { createCalibration } from '../../src/catalog/calibration.ts';
import type { Clock } from '../../src/core/clock.ts';
import { makeId } from '../../src/core/ids.ts';
import { batchFolders } from '../../src/gateway/batches/registry.ts';
import { dialectFolders } from '../../src/gateway/dialects/registry.ts';
import { MemoryLimits } from '../../src/limits/memory/limits.ts';
import { createHealth } from '../../src/router/health.ts';
import { Line } from '../../src/router/line.ts';
import type { Stores } from '../../src/stores/contract.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { breaker, gateWorld, policy, scriptedUpstream } from './router.ts';

const unused = (): never => assert.fail('Nothing of this is asked for here.');

const dialects = dialectFolders.flatMap((folder) => folder.dialects);

export function batchWorld(
  stores: Pick<Stores, 'batch' | 'ledger'>,
  clock: Clock,
  overrides: Partial<BatchWorldInside>,
): BatchWorldInside {
  const limits = new MemoryLimits({ clock });
  return {
    rows: stores.batch,
    blobs: { write: unused, read: unused, remove: unused, shown: 'none' },
    shapes: new Map(
      batchFolders.map((folder) => folder.shape(dialects)).map((shape) => [shape.id, shape] as const),
    ),
    policy,
    settings: () => defaultBatchSettings,
    cascades: {
      thresholds: { of: unused, heard: unused },
      metrics: { answer: unused, audit: unused },
      audits: { offer: unused, onClose: unused },
    },
    labels: { add: unused },
    prefilter: unused,
    payer: () => undefined,
    limits,
    room: new Room(limits),
    estimates: createCalibration(),
    gate: gateWorld(clock, limits),
    exchange: { upstream: scriptedUpstream(), clock },
    walk: {
      clock,
      random: unused,
      health: createHealth(clock, () => breaker),
      line: new Line(clock),
      observe: unused,
    },
    ledger: { append: (entries) => stores.ledger.append(entries), flush: async () => true },
    events: silentEvents,
    webhookProblem: unused,
    wakeUps: { at() {}, onWake: () => () => {}, shared: false, close: async () => {} },
    clock,
    random: unused,
    makeId,
    log: silentLog,
    scratch: '/nowhere',
    at() {},
    ...overrides,
  };
}
