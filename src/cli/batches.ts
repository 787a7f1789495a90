/** The batch road, wired together for one running gateway. */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Desk } from '../batch/desk.ts';
import { createBatchRoad } from '../batch/gathered.ts';
import { isTakenInBatches } from '../batch/lanes.ts';
import { compileRules } from '../batch/prefilter.ts';
import { Room } from '../batch/room.ts';
import type { BatchSettings } from '../batch/settings.ts';
import { sweep } from '../batch/sweep.ts';
import { webhookUrlProblem } from '../batch/webhooks/address.ts';
import { createWebhooks, mostAtOnce, type Webhooks } from '../batch/webhooks.ts';
import { Worker } from '../batch/worker.ts';
import type { BatchWorldInside, Step } from '../batch/world.ts';
import type { Config } from '../config/schema.ts';
import { GatewayError } from '../core/errors.ts';
import { createWakeUps } from '../fleet/alone.ts';
import type { WakeUps } from '../fleet/contract.ts';
import type { BatchWorld } from '../gateway/batches/contract.ts';
import { batchFolders } from '../gateway/batches/registry.ts';
import {
  createRequestShapes,
  dialectOf,
  shapeIdOf,
  writeRequestLine,
} from '../gateway/batches/requests/shapes.ts';
import { type KeyRing, mayUse } from '../gateway/key-ring.ts';
import type { Waiting } from '../gateway/waiting/waiting.ts';
import type { GatewayWorld } from '../gateway/world.ts';
import type { BatchRoad } from '../queue/gathering/contract.ts';
import type { SubmissionAges } from '../stores/batch/contract.ts';
import type { Blobs, Stores } from '../stores/contract.ts';
import { BatchMetrics } from '../telemetry/batch-metrics.ts';
import { counted } from './counted.ts';
import { openScratch } from './scratch.ts';

/** How often what is kept no longer is looked for. */
const sweepMs = 600_000;

/** How often deliveries that are due are looked for. */
const deliverMs = 1_000;

/** How often it is looked how old submissions are; they live for minutes to days. */
const ageMs = 15_000;

export interface OpenBatches {
  readonly served: NonNullable<GatewayWorld['batches']>;
  /** For requests that are gathered into batches. */
  readonly road: BatchRoad;
  readonly batchable: Waiting['batchable'];
  readonly webhookProblem: Waiting['webhookProblem'];
  /** Takes up what was left, and begins. */
  start(): Promise<void>;
  /** Steps that run come to where they may be left. */
  close(): Promise<void>;
}

export interface BatchesInput {
  readonly stores: Stores;
  readonly blobs: Blobs;
  readonly config: () => Config['batch'];
  readonly maxUploadBytes: number;
  /** Named places, for those who watch the road or break it there. */
  readonly at?: Step;
  /** Absent: this gateway works alone. */
  readonly wakeUps?: WakeUps;
}

type World = Omit<GatewayWorld, 'batches' | 'waiting'>;

export function openBatches(input: BatchesInput, world: World): OpenBatches {
  const scratch = openScratch(tmpdir(), world.makeId(''));
  const dialects = world.dialects.flatMap((folder) => folder.dialects);
  let rules = { written: input.config().prefilter, compiled: compileRules(input.config().prefilter) };
  const ages = counted<readonly SubmissionAges[]>(
    {
      first: [],
      everyMs: ageMs,
      count: () => input.stores.batch.submissions.ages(world.clock.now() - input.config().late_alert),
      onTrouble: 'how old submissions are could not be looked up; tried again',
    },
    world,
  );
  const inside: BatchWorldInside = {
    rows: input.stores.batch,
    cascades: world.cascades,
    labels: input.stores.labels,
    blobs: input.blobs,
    shapes: new Map(
      [...batchFolders.map((folder) => folder.shape(dialects)), ...createRequestShapes(dialects)].map(
        (shape) => [shape.id, shape],
      ),
    ),
    policy: world.policy,
    settings: () => settingsOf(input.config()),
    prefilter: () => {
      const written = input.config().prefilter;
      if (rules.written !== written) rules = { written, compiled: compileRules(written) };
      return rules.compiled;
    },
    payer: (owner) => payerOf(world.keys, owner),
    limits: world.limits,
    room: new Room(world.limits),
    estimates: world.estimates,
    gate: world.gate,
    exchange: world.exchange,
    walk: world.walk,
    ledger: world.ledger,
    events: new BatchMetrics(world.metrics.set, world.log, {
      ages: () => ages.latest,
      nowMs: () => world.clock.now(),
    }),
    webhookProblem: (url) => webhookUrlProblem(url, input.config().webhooks.allow_private),
    wakeUps: input.wakeUps ?? createWakeUps(world.clock),
    clock: world.clock,
    random: world.random,
    makeId: world.makeId,
    log: world.log,
    scratch,
    at: input.at ?? (() => {}),
  };
  const webhooks = webhooksOf(input, world);
  const worker = new Worker(inside);
  const wake = (): void => inside.wakeUps.at('desk', world.clock.now());
  const desk = new Desk(inside, wake);
  const served: BatchWorld = {
    desk,
    dialects,
    makeId: world.makeId,
    now: () => world.clock.now(),
    maxUploadBytes: input.maxUploadBytes,
  };
  let cancelSweep = (): void => {};
  const sweepLater = (): void => {
    cancelSweep = world.clock.after(sweepMs, () => {
      sweep(inside).then(sweepLater, (thrown: unknown) => {
        world.log.error({ err: thrown }, 'what is kept no longer could not be removed; tried again');
        sweepLater();
      });
    });
  };
  let cancelDeliver = (): void => {};
  let delivering: Promise<unknown> = Promise.resolve();
  const deliverLater = (ms: number): void => {
    cancelDeliver = world.clock.after(ms, () => {
      delivering = webhooks()
        .deliverDue()
        .then(
          (tried) => deliverLater(tried >= mostAtOnce ? 0 : deliverMs),
          (thrown: unknown) => {
            world.log.error({ err: thrown }, 'webhooks could not be delivered or written down; tried again');
            deliverLater(deliverMs);
          },
        );
    });
  };
  return {
    road: createBatchRoad(inside, desk, { shapeIdOf, dialectOf, write: writeRequestLine }),
    batchable: (request, route) => isTakenInBatches(request, route, world.policy()),
    webhookProblem: inside.webhookProblem,
    served: {
      world: served,
      folders: batchFolders,
      async hear(provider, call) {
        const told = world.policy().webhook(provider)?.(call);
        if (told === undefined) return false;
        await inside.rows.submissions.wakeHandle(provider, told.handle, world.clock.now());
        wake();
        return true;
      },
    },
    async start() {
      await worker.start();
      ages.start();
      sweepLater();
      deliverLater(0);
    },
    async close() {
      cancelSweep();
      await ages.close();
      await worker.close();
      cancelDeliver();
      await delivering;
      cancelDeliver();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** As the config is now: its secret may be changed while messages wait. */
function webhooksOf(input: BatchesInput, world: World): () => Webhooks {
  const make = (written: Config['batch']['webhooks']) => ({
    written,
    webhooks: createWebhooks({
      rows: input.stores.batch.deliveries,
      settings: {
        secret: written.secret,
        jobsSignatureHeader: written.jobs_signature_header,
        allowPrivate: written.allow_private,
      },
      clock: world.clock,
      random: world.random,
      log: world.log,
      ...(input.at === undefined ? {} : { at: input.at }),
    }),
  });
  let made = make(input.config().webhooks);
  return () => {
    const { webhooks: written } = input.config();
    if (written !== made.written) made = make(written);
    return made.webhooks;
  };
}

export function payerOf(keys: KeyRing, owner: string) {
  if (owner === '') return undefined;
  const key = keys.named(owner);
  if (key === undefined)
    throw new GatewayError('forbidden', `The key "${owner}" that this was submitted with is gone.`);
  return {
    caller: key.caller,
    mayUse: (route: string, model: string) => mayUse(key, route) || mayUse(key, model),
  };
}

export function settingsOf(config: Config['batch']): BatchSettings {
  return {
    keepMs: config.keep,
    reuseMs: config.reuse === 0 ? undefined : config.reuse,
    failureShare: config.failure_alert,
    lateMs: config.late_alert,
    pollMs: config.poll,
    retryMs: config.retry,
    mostItems: config.submission_items,
    aloneAtOnce: config.sync.concurrent,
    alonePerMinute: config.sync.rpm,
    lookAgainMs: config.look_again,
    leaseMs: config.lease,
  };
}
