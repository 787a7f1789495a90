/** The queue and its workers, wired together for one running gateway. */

import type { Config } from '../config/schema.ts';
import { createWakeUps } from '../fleet/alone.ts';
import type { WakeUps } from '../fleet/contract.ts';
import { keepQueuedDecision, observeCall } from '../gateway/account.ts';
import type { KeyRing } from '../gateway/key-ring.ts';
import { createQueuedCall } from '../gateway/queued-call.ts';
import type { GatewayWorld } from '../gateway/world.ts';
import type { QueueDesk } from '../queue/contract.ts';
import { Desk } from '../queue/desk.ts';
import type { Handicaps } from '../queue/lanes.ts';
import { QueueWorker } from '../queue/worker.ts';
import type { QueueWorld, Step } from '../queue/world.ts';
import type { LaneDepth, QueueRows } from '../stores/queue/contract.ts';
import { QueueMetrics } from '../telemetry/queue-metrics.ts';
import { createHasher } from '../wire/request-hash.ts';
import { payerOf } from './batches.ts';
import { counted } from './counted.ts';

/** How often it is counted what waits. */
const countMs = 2_000;

export interface OpenQueue {
  readonly desk: QueueDesk;
  /** For `/health`. */
  readonly served: NonNullable<GatewayWorld['queue']>;
  /** There is work. */
  poke(): void;
  /** Takes up what was left, and begins. */
  start(): void;
  /** Calls that run have so long to end. */
  close(graceMs: number): Promise<void>;
}

export interface QueueInput {
  readonly rows: QueueRows;
  readonly config: () => Pick<Config, 'waiting' | 'batch'>;
  readonly at?: Step;
  /** Absent: this gateway works alone. */
  readonly wakeUps?: WakeUps;
}

/** A call is named for its request and the try of it. */
const requestIdOf = (callId: string): string => callId.split(':', 1)[0] ?? callId;

type World = Omit<GatewayWorld, 'batches' | 'queue'> & { readonly keys: KeyRing };

export function openQueue(input: QueueInput, world: World): OpenQueue {
  const { rows, config } = input;
  const { clock, log } = world;
  const dialects = world.dialects.flatMap((folder) => folder.dialects);
  const hash = createHasher();
  const depths = counted<readonly LaneDepth[]>(
    {
      first: [],
      everyMs: countMs,
      count: () => rows.depths(),
      onTrouble: 'what waits in the queue could not be counted; tried again',
    },
    world,
  );
  const inside: QueueWorld = {
    rows,
    ledger: world.ledger,
    policy: world.policy,
    payer: (owner) => payerOf(world.keys, owner),
    open: (request, id, nowMs, caller) =>
      createQueuedCall(request, { dialects, id, nowMs, caller, hash, cache: world }),
    encodeError(request, error) {
      const dialect = dialects.find(({ id }) => id === request.dialect);
      return (
        dialect?.encodeError(error, request.id) ?? {
          status: error.status,
          body: { error: { code: error.code, message: error.message } },
        }
      );
    },
    settings: () => ({ workers: config().waiting.workers, leaseMs: config().batch.lease }),
    events: new QueueMetrics(world.metrics.set, {
      depths: () => depths.latest,
      calling: () => worker.calling,
      nowMs: () => clock.now(),
    }),
    cascades: world.cascades,
    estimates: world.estimates,
    gate: world.gate,
    exchange: world.exchange,
    walk: {
      ...world.walk,
      // The ledger is written by the workers themselves: before a call, and after its answer is kept.
      observe: (call, route, target, record, error) => observeCall(world, call, route, target, record, error),
      ended(call, result) {
        world.walk.ended?.(call, result);
        keepQueuedDecision(world, requestIdOf(call.id), call, result);
      },
    },
    wakeUps: input.wakeUps ?? createWakeUps(clock),
    clock,
    random: world.random,
    makeId: world.makeId,
    log,
    at: input.at ?? (() => {}),
  };
  const worker = new QueueWorker(inside);
  const wake = (): void => inside.wakeUps.at('queued', clock.now());
  const desk = new Desk({
    rows,
    clock,
    handicaps: () => handicapsOf(config().waiting),
    poke: wake,
    dropped: (id) => worker.drop(id),
  });
  return {
    desk,
    served: {
      health() {
        const waiting = depths.latest.reduce((sum, depth) => sum + depth.waiting, 0);
        const oldestAtMs = Math.min(...depths.latest.map((depth) => depth.oldestAtMs));
        const oldestMs = waiting === 0 ? 0 : Math.max(0, clock.now() - oldestAtMs);
        return { waiting, calling: worker.calling, oldestMs };
      },
    },
    poke: wake,
    start() {
      worker.start();
      depths.start();
    },
    async close(graceMs) {
      await worker.close(graceMs);
      await depths.close();
    },
  };
}

function handicapsOf({ lanes }: Config['waiting']): Handicaps {
  return { high: 0, normal: lanes.normal, low: lanes.low };
}
