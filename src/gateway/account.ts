/** Writes down what happened: each attempt in the ledger, in the metrics and, when it failed, in the log; each request in one line of it. */
import type { GatewayError } from '../core/errors.ts';
import type { Target } from '../router/chain/contract.ts';
import type { AttemptRecord, Call, Route, Spent } from '../router/contract.ts';
import type { Asked } from '../router/decisions.ts';
import { entryOf } from '../router/entry.ts';
import type { WalkResult } from '../router/progress.ts';
import type { Ended } from './ended.ts';
import type { GatewayWorld } from './world.ts';

const nothing: Spent = { costNanoUsd: 0, listNanoUsd: 0, exact: true };

export function observeAttempt(
  world: GatewayWorld,
  call: Call,
  route: Route,
  target: Target,
  record: AttemptRecord,
  error: GatewayError | undefined,
): void {
  const { operation } = call.facts;
  // Counting is free, and what never began is no attempt.
  if (operation !== 'count-tokens' && record.id !== undefined && record.outcome !== 'refused')
    world.ledger.add(
      entryOf(
        call,
        route,
        target,
        { ...record, id: record.id, outcome: record.outcome, spent: record.spent ?? nothing },
        world.clock.now(),
      ),
    );
  observeCall(world, call, route, target, record, error);
}

/** The same without the ledger, which whoever calls without a line held writes itself. */
export function observeCall(
  world: Pick<GatewayWorld, 'metrics' | 'log'>,
  call: Call,
  route: Route,
  target: Target,
  record: AttemptRecord,
  error: GatewayError | undefined,
): void {
  const { operation } = call.facts;
  world.metrics.attempt(
    { operation, route: route.name, provider: target.provider, model: target.model.id },
    record,
  );
  if (error !== undefined) logFailure(world, call, target, record, error);
}

function logFailure(
  world: Pick<GatewayWorld, 'log'>,
  call: Call,
  target: Target,
  record: AttemptRecord,
  error: GatewayError,
): void {
  const fields = {
    requestId: call.id,
    target: target.name,
    code: error.code,
    upstream: error.upstream,
    durationMs: record.durationMs,
  };
  if (error.code === 'upstream_auth') world.log.error(fields, 'a provider refuses our credentials');
  else if (error.code === 'internal')
    world.log.error({ ...fields, err: error.cause }, 'defect during an attempt');
  else world.log.warn(fields, 'attempt failed');
}

export interface Finished extends Pick<Ended, 'outcome' | 'code' | 'tried'> {
  readonly requestId: string;
  readonly dialect: string;
  /** '' where the request did not get as far. */
  readonly route: string;
  readonly key: string | undefined;
  readonly status: number;
  readonly startedAtMs: number;
}

/** A request that somebody who may ask for it has asked, as far as it came. */
export interface Answered extends Finished, Ended {
  /** Of the config that it was served by; 0 where it did not get as far. */
  readonly policyVersion: number;
  readonly asked: Asked | undefined;
}

/** Why it went where it went, for whoever asks later. */
export function keepDecision(world: GatewayWorld, served: Answered): void {
  // Strangers would push out what others asked.
  if (served.code === 'invalid_key') return;
  const { startedAtMs: atMs, dialect, key, policyVersion, route, status } = served;
  const { asked, decided, tried, outcome, code, notes } = served;
  world.decisions.add({
    id: served.requestId,
    atMs,
    durationMs: world.clock.now() - atMs,
    dialect,
    key,
    policyVersion,
    route,
    asked,
    decided,
    tried,
    outcome,
    code,
    status,
    notes,
  });
}

/** As `keepDecision`, of a kept request that a worker has called: under the id that its caller asks by. */
export function keepQueuedDecision(world: GatewayWorld, id: string, call: Call, result: WalkResult): void {
  const { facts, tags, priority, budgetMs, startedAtMs: atMs } = call;
  const terms = { facts, tags, priority };
  world.decisions.add({
    id,
    atMs,
    durationMs: world.clock.now() - atMs,
    dialect: call.protocol,
    key: call.caller?.key,
    policyVersion: world.policy().version,
    route: result.decided?.first.route.name ?? facts.model,
    asked: budgetMs === undefined ? terms : { ...terms, budgetMs },
    decided: result.decided,
    tried: result.tried,
    outcome: result.kind,
    code: result.kind === 'failed' ? result.error.code : undefined,
    status: result.kind === 'failed' ? result.error.status : 200,
    notes: { queue: { by: 'worker' } },
  });
}

/** One line a request, whatever came of it. */
export function observeRequest(world: GatewayWorld, finished: Finished): void {
  const { route, dialect, status, code, tried, startedAtMs } = finished;
  const durationMs = world.clock.now() - startedAtMs;
  world.metrics.request(route, dialect, status, durationMs);
  const last = tried.at(-1);
  let costNanoUsd = 0;
  for (const { spent, outcome, code: refused } of tried) {
    costNanoUsd += spent?.costNanoUsd ?? 0;
    if (outcome === 'refused') world.metrics.refusal(route, refused ?? '');
  }
  if (last === undefined && code !== undefined) world.metrics.refusal(route, code);
  world.log.request({
    requestId: finished.requestId,
    route,
    key: finished.key,
    status,
    outcome: finished.outcome,
    code,
    target: last?.target,
    attempts: tried.length,
    inputTokens: last?.usage?.inputTokens,
    outputTokens: last?.usage?.outputTokens,
    costUsd: costNanoUsd / 1e9,
    durationMs,
  });
}
