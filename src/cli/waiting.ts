/** Requests that may wait, wired together for one running gateway: what the door knows of them, and how they are gathered into batches. */
import type { Step } from '../batch/world.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Waiting } from '../gateway/waiting/waiting.ts';
import type { GatewayWorld } from '../gateway/world.ts';
import type { QueueDesk, QueuedAnswer } from '../queue/contract.ts';
import { Gathering } from '../queue/gathering.ts';
import type { Stores } from '../stores/contract.ts';
import { WaitingMetrics } from '../telemetry/waiting-metrics.ts';
import type { OpenBatches } from './batches.ts';

/** Some gigabytes of rows; more is a caller that has gone astray. */
const mostOpen = 1_000_000;

export interface OpenWaiting {
  readonly served: Waiting;
  /** Goes on with what was begun, and begins. */
  start(): void;
  /** The step that runs comes to where it may be left. */
  close(): Promise<void>;
}

export interface WaitingInput {
  readonly stores: Pick<Stores, 'queue'>;
  readonly batches: Pick<OpenBatches, 'road' | 'batchable' | 'webhookProblem'>;
  readonly desk: QueueDesk;
  /** How long requests are kept once they have ended. */
  readonly keepMs: () => number;
  /** There is work for the queue. */
  readonly poke: () => void;
  /** Named places, for those who watch the road or break it there. */
  readonly at?: Step;
}

type World = Omit<GatewayWorld, 'batches' | 'queue' | 'waiting'>;

export function openWaiting(
  { stores, batches, desk, keepMs, poke, at = () => {} }: WaitingInput,
  world: World,
): OpenWaiting {
  const gathering = new Gathering({
    rows: stores.queue,
    road: batches.road,
    policy: (route) => world.policy().find(route)?.waiting,
    render: (dialect, error, requestId) => render(world, dialect, error, requestId),
    keepMs,
    poke,
    clock: world.clock,
    makeId: world.makeId,
    events: new WaitingMetrics(world.metrics.set),
    log: world.log,
    at,
  });
  return {
    served: {
      desk,
      batchable: batches.batchable,
      webhookProblem: batches.webhookProblem,
      mostOpen,
    },
    start: () => gathering.start(),
    close: () => gathering.close(),
  };
}

function render(world: World, dialect: string, error: GatewayError, requestId: string): QueuedAnswer {
  const found = world.dialects.flatMap((folder) => folder.dialects).find(({ id }) => id === dialect);
  const { status, body } = found?.encodeError(error, requestId) ?? {
    status: error.status,
    body: { error: { code: error.code, message: error.message } },
  };
  return { status, body: JSON.stringify(body), headers: {} };
}
