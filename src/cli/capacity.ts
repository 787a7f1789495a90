/** Limits, budgets, keys, ledger and what they need, wired together for one running gateway. */
import { z } from 'zod';
import type { ResponseCache } from '../cache/contract.ts';
import { MemoryCache } from '../cache/memory/cache.ts';
import { RedisCache } from '../cache/redis/cache.ts';
import { connectCache } from '../cache/redis/link.ts';
import { createCalibration } from '../catalog/calibration.ts';
import type { Clock, Random } from '../core/clock.ts';
import type { MakeId } from '../core/ids.ts';
import { modes } from '../core/target.ts';
import { observeAttempt } from '../gateway/account.ts';
import { Answers } from '../gateway/kept-answers.ts';
import { KeyRing } from '../gateway/key-ring.ts';
import { Readiness } from '../gateway/readiness.ts';
import type { GatewayWorld } from '../gateway/world.ts';
import type { Charge, Limits } from '../limits/contract.ts';
import { MemoryLimits } from '../limits/memory/limits.ts';
import { Marks, type MarkWriter } from '../limits/memory/marks.ts';
import { RedisLimits } from '../limits/redis/limits.ts';
import type { Orphan } from '../limits/redis/members.ts';
import { connectRedis } from '../limits/redis/scripts.ts';
import { BudgetAlerts } from '../router/budgets.ts';
import { CanaryWatch } from '../router/canary/watch.ts';
import { Scorers } from '../router/complexity/scorers.ts';
import type { BudgetRule, Policy, Upstream } from '../router/contract.ts';
import { type DecisionBounds, Decisions } from '../router/decisions.ts';
import type { Health } from '../router/health.ts';
import { Learning } from '../router/learning.ts';
import { Line } from '../router/line.ts';
import { createMeasures } from '../router/measures/measures.ts';
import { createSight } from '../router/sight.ts';
import type { Ledger, LedgerEntry, Stores } from '../stores/contract.ts';
import { canaryEvents } from '../telemetry/canary-events.ts';
import { GatewayMetrics } from '../telemetry/gateway-metrics.ts';
import { addGauges } from '../telemetry/gauges.ts';
import { LedgerWriter } from '../telemetry/ledger-writer.ts';
import type { Log } from '../telemetry/log.ts';
import { openCascades } from './cascade.ts';

export interface CapacityInput {
  readonly stores: Stores;
  /** Absent: limits are this process’s own. */
  readonly redisUrl: string | undefined;
  readonly policy: () => Policy;
  readonly upstream: Upstream;
  readonly health: Health;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly log: Log;
  /** How many are kept; absent: as many as usual. */
  readonly decisions?: DecisionBounds;
}

type Parts = Pick<
  GatewayWorld,
  | 'keys'
  | 'limits'
  | 'estimates'
  | 'gate'
  | 'exchange'
  | 'walk'
  | 'ledger'
  | 'spending'
  | 'metrics'
  | 'canaries'
  | 'readiness'
  | 'answers'
  | 'decisions'
  | 'cascades'
>;

export interface Capacity extends Parts {
  /** After a reload: budgets that are new begin with what the ledger knows. */
  refresh(): Promise<void>;
  /** Everything that is still to be written is written. */
  close(): Promise<void>;
}

export async function openCapacity(input: CapacityInput, world: () => GatewayWorld): Promise<Capacity> {
  const { stores, clock, log, policy } = input;
  const keys = new KeyRing({
    store: stores.keys,
    clock,
    onTrouble: (error) => log.warn({ err: error }, 'the keys cannot be read; those that are known stay'),
  });
  await keys.open();
  const totals = (): Promise<readonly Charge[]> =>
    readTotals(stores.ledger, [...policy().budgets, ...keys.budgets()], clock.now());
  const limits =
    input.redisUrl === undefined
      ? await openMemory(input, await totals())
      : await openRedis(input, input.redisUrl, totals);
  const ledger = new LedgerWriter(stores.ledger, clock, {
    onTrouble: (error, kept) => log.error({ err: error, kept }, 'the ledger cannot be written; tried again'),
    ...(input.redisUrl === undefined
      ? {}
      : { onWritten: (entries) => limits.written(entries.map(({ id }) => id)) }),
  });
  const metrics = new GatewayMetrics();
  const cascades = openCascades(stores, metrics.set, clock, log);
  const estimates = createCalibration();
  const learning = new Learning(limits);
  const alerts = new BudgetAlerts(limits, (alert) => {
    metrics.budgetAlert(alert.budget, alert.share);
    log.warn(alert, 'a budget has passed a share of its cap');
  });
  const cache = openCache(input);
  const line = new Line(clock);
  limits.onRelease(line.release);
  const scorers = new Scorers({
    notes: stores.notes,
    clock,
    onTrouble: (error) =>
      log.warn({ err: error }, 'trained scorers cannot be read; those that are known stay'),
  });
  await scorers.open();
  const canaries = new CanaryWatch({
    notes: stores.notes,
    clock,
    routes: () => policy().routes,
    replica: input.makeId('gw_'),
    events: canaryEvents(log),
  });
  await canaries.refresh();
  const measures = createMeasures({ clock, limits, learning, estimates });
  addGauges(metrics.set, { limits, ledger, estimates, health: input.health, line, canaries, cache });
  return {
    keys,
    limits,
    estimates,
    ledger,
    metrics,
    canaries,
    spending: stores.ledger,
    answers: new Answers(cache, clock),
    cascades: cascades.world,
    readiness: new Readiness(() => stores.answers(), clock),
    decisions: new Decisions(input.decisions),
    gate: { limits, clock, estimates, learning, alerts },
    exchange: { upstream: input.upstream, clock, learning },
    walk: {
      clock,
      random: input.random,
      health: input.health,
      line,
      sight: createSight(input.health, {
        measures,
        scorer: scorers.of,
        arm: (request, route) => canaries.arm(request, route),
      }),
      ended: (_call, result) => canaries.ended(result),
      observe(call, route, target, record, error) {
        measures.observe(call, route, target, record);
        observeAttempt(world(), call, route, target, record, error);
      },
    },
    async refresh() {
      await canaries.refresh();
      await limits.seed(await totals());
    },
    async close() {
      keys.close();
      scorers.close();
      await cascades.close();
      await canaries.close();
      if (!(await ledger.flush())) log.error({ kept: ledger.pending }, 'ledger entries could not be written');
      await cache.close();
      await limits.close();
      await stores.close();
    },
  };
}

async function openMemory({ stores, clock, log }: CapacityInput, totals: readonly Charge[]): Promise<Limits> {
  const first = new Map(totals.map(({ key, nanoUsd }) => [key, nanoUsd]));
  for (const { name, nanoUsd } of await stores.marks.read(clock.now()))
    first.set(name, Math.max(nanoUsd, first.get(name) ?? 0));
  const writer: MarkWriter = {
    write: (marks) =>
      stores.marks.write(marks).catch((thrown: unknown) => {
        log.error({ err: thrown }, 'what budgets have used cannot be written; they refuse');
        throw thrown;
      }),
  };
  return new MemoryLimits({ clock, marks: new Marks(writer, first) });
}

async function openRedis(
  { stores, clock, makeId, log }: CapacityInput,
  url: string,
  totals: () => Promise<readonly Charge[]>,
): Promise<Limits> {
  const limits = new RedisLimits({
    link: connectRedis(url),
    alone: (firstParts) => new MemoryLimits({ clock, firstParts }),
    clock,
    makeId,
    ledgerTotals: totals,
    onOrphans: (orphans) => stores.ledger.append(orphans.flatMap((orphan) => readOrphan(orphan) ?? [])),
    onTrouble: (error, message) => log.warn({ err: error }, message),
  });
  await limits.connected();
  // Others may run without a budget that only this one's config has.
  await limits.seed(await totals()).catch((thrown: unknown) => {
    log.error({ err: thrown }, 'what new budgets have spent before could not be told');
  });
  return limits;
}

function openCache({ redisUrl, clock, log }: CapacityInput): ResponseCache {
  if (redisUrl === undefined) return new MemoryCache({ clock });
  const onTrouble = (error: unknown): void =>
    log.warn(
      { err: error },
      'Redis does not answer; for a moment nothing is looked up in the response cache',
    );
  return new RedisCache({ link: connectCache(redisUrl), clock, onTrouble });
}

const orphanShape = z.object({
  id: z.string(),
  requestId: z.string(),
  atMs: z.number(),
  key: z.string().exactOptional(),
  team: z.string().exactOptional(),
  route: z.string(),
  provider: z.string(),
  model: z.string(),
  mode: z.enum(modes),
  outcome: z.enum(['served', 'failed', 'cut', 'client-closed', 'unknown']),
  code: z.string().exactOptional(),
  stream: z.boolean(),
  tags: z.array(z.string()),
  inputTokens: z.number().exactOptional(),
  cacheReadTokens: z.number().exactOptional(),
  cacheWriteTokens: z.number().exactOptional(),
  outputTokens: z.number().exactOptional(),
  reasoningTokens: z.number().exactOptional(),
  costNanoUsd: z.number(),
  listNanoUsd: z.number(),
  exact: z.boolean(),
  durationMs: z.number(),
});

/** The entry that a process which died left with its reservation. What nobody needs to account for has none. */
function readOrphan({ note }: Orphan): LedgerEntry | undefined {
  return note === '' ? undefined : orphanShape.parse(JSON.parse(note));
}

/** What was spent in the windows that run, by the names that budgets count under. */
async function readTotals(
  ledger: Ledger,
  rules: readonly BudgetRule[],
  nowMs: number,
): Promise<readonly Charge[]> {
  const charges: Charge[] = [];
  for (const rule of rules) {
    const { scope, of, period } = rule;
    // A batch’s own sum is kept with the batch; an entry has many tags, so each for itself is no group.
    if (period === 'batch' || (scope === 'tag' && of === '*')) continue;
    const { name, startMs, endMs } = rule.window(nowMs);
    const between = { fromMs: startMs, toMs: endMs };
    const charge = (owner: string, nanoUsd: number): Charge => ({
      key: `${owner}/${name}`,
      capNanoUsd: rule.hard ? rule.capNanoUsd : Number.POSITIVE_INFINITY,
      nanoUsd,
      expiresAtMs: endMs,
    });
    if (scope === 'all' || of !== '*' || scope === 'tag') {
      const [row] = await ledger.spend(scope === 'all' ? between : { ...between, [scope]: of }, []);
      if (row !== undefined && row.costNanoUsd > 0) charges.push(charge(rule.name, row.costNanoUsd));
      continue;
    }
    for (const row of await ledger.spend(between, [scope], 10_000)) {
      const owner = row.group[0];
      if (typeof owner === 'string') charges.push(charge(`${rule.name}:${owner}`, row.costNanoUsd));
    }
  }
  return charges;
}
