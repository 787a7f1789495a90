/** Requests that wait, wired together for one running gateway. */
import type { Step } from '../batch/world.ts';
import type { GatewayError } from '../core/errors.ts';
import type { Waiting } from '../gateway/waiting/waiting.ts';
import type { GatewayWorld } from '../gateway/world.ts';
import type { QueuedAnswer } from '../queue/contract.ts';
import { Desk } from '../queue/desk.ts';
import { Gathering } from '../queue/gathering.ts';
import type { Stores } from '../stores/contract.ts';
import { WaitingMetrics } from '../telemetry/waiting-metrics.ts';
import type { OpenBatches } from './batches.ts';

/** How often what waits is counted, for `/health` and for the bound on it. */
const countMs = 2_000;
/** Some gigabytes of rows; more is a caller that has gone astray. */
const mostOpen = 1_000_000;

export interface OpenQueue {
  readonly served: Waiting;
  /** Takes up what was left, and begins. */
  start(): Promise<void>;
  /** Steps that run come to where they may be left. */
  close(): Promise<void>;
}

export interface QueueInput {
  readonly stores: Stores;
  readonly batches: Pick<OpenBatches, 'road' | 'batchable' | 'webhookProblem'>;
  /** Named places, for those who watch the road or break it there. */
  readonly at?: Step;
}

type World = Omit<GatewayWorld, 'batches' | 'waiting'>;

export function openQueue({ stores, batches, at = () => {} }: QueueInput, world: World): OpenQueue {
  const rows = stores.queue;
  const { clock, log } = world;
  const desk = new Desk({ rows, clock, poke: () => {}, dropped: () => {} });
  const gathering = new Gathering({
    rows,
    road: batches.road,
    policy: (route) => world.policy().find(route)?.waiting,
    render: (dialect, error, requestId) => render(world, dialect, error, requestId),
    clock,
    makeId: world.makeId,
    events: new WaitingMetrics(world.metrics.set),
    log,
    at,
  });
  const counting = count(world, stores);
  return {
    served: {
      desk,
      batchable: batches.batchable,
      webhookProblem: batches.webhookProblem,
      get open() {
        return counting.open;
      },
      mostOpen,
    },
    async start() {
      await counting.start();
      gathering.start();
    },
    async close() {
      counting.close();
      await gathering.close();
    },
  };
}

function render(world: World, dialect: string, error: GatewayError, requestId: string): QueuedAnswer {
  const found = world.dialects.flatMap((folder) => folder.dialects).find(({ id }) => id === dialect);
  const { status, body } = found?.encodeError(error, requestId) ?? {
    status: error.status,
    body: { error: { message: error.message } },
  };
  return { status, body: JSON.stringify(body), headers: {} };
}

function count({ clock, log }: World, { queue }: Stores) {
  let open: Waiting['open'] = { queue: 0, batch: 0 };
  let cancel = (): void => {};
  let closed = false;
  const look = async (): Promise<void> => {
    try {
      const depths = await queue.depths();
      const sum = (way: string) =>
        depths.filter((one) => one.way === way).reduce((total, one) => total + one.waiting, 0);
      const oldestAtMs = Math.min(...depths.map((one) => one.oldestAtMs));
      open = {
        queue: sum('queue'),
        batch: sum('batch'),
        ...(depths.length === 0 ? {} : { oldestAtMs }),
      };
    } catch (thrown) {
      log.error({ err: thrown }, 'requests that wait could not be counted; tried again');
    }
    if (!closed) cancel = clock.after(countMs, () => void look());
  };
  return {
    get open() {
      return open;
    },
    start: look,
    close() {
      closed = true;
      cancel();
    },
  };
}
