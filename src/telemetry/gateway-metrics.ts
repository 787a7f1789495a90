/** What the gateway counts of requests and attempts. `docs/reference/metrics.md` lists the same names for operators. */
import type { AttemptRecord } from '../router/contract.ts';
import { type CounterRow, type HistogramRow, MetricSet } from './metrics.ts';

/** Seconds; those that the semantic conventions advise for gen_ai.client.operation.duration. */
const durationBounds = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/** Tokens; those that the semantic conventions advise for gen_ai.client.token.usage. */
const tokenBounds = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
];
const mostKept = 1_000;

export interface AttemptLabels {
  readonly operation: string;
  readonly route: string;
  readonly provider: string;
  readonly model: string;
}

/** The rows that one kind of attempt adds to. */
interface AttemptRows {
  readonly attempts: CounterRow;
  readonly duration: HistogramRow;
  readonly cost: CounterRow;
  readonly saved: CounterRow;
  readonly input: HistogramRow;
  readonly output: HistogramRow;
  readonly cacheRead: CounterRow;
  readonly cacheWrite: CounterRow;
  readonly reasoning: CounterRow;
}

interface RequestRows {
  readonly requests: CounterRow;
  readonly duration: HistogramRow;
}

export class GatewayMetrics {
  readonly set = new MetricSet();
  readonly #attempts = this.set.counter('intermodal_attempts_total', 'Attempts at targets.', [
    'route',
    'provider',
    'model',
    'outcome',
    'code',
  ]);
  readonly #operation = this.set.histogram(
    'gen_ai_client_operation_duration_seconds',
    'How long attempts at providers took.',
    ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'error_type'],
    durationBounds,
  );
  readonly #usage = this.set.histogram(
    'gen_ai_client_token_usage',
    'Tokens of an attempt.',
    ['gen_ai_operation_name', 'gen_ai_provider_name', 'gen_ai_request_model', 'gen_ai_token_type'],
    tokenBounds,
  );
  readonly #special = this.set.counter(
    'intermodal_special_tokens_total',
    'Tokens that are part of input (cache_read, cache_write) or output (reasoning).',
    ['provider', 'model', 'kind'],
  );
  readonly #cost = this.set.counter('intermodal_cost_usd_total', 'What attempts cost.', [
    'route',
    'provider',
    'model',
  ]);
  readonly #saved = this.set.counter(
    'intermodal_saved_usd_total',
    'What they would have cost more by sync calls at list price.',
    ['route', 'provider', 'model'],
  );
  readonly #requests = this.set.counter('intermodal_requests_total', 'Requests answered.', [
    'route',
    'dialect',
    'status',
  ]);
  readonly #duration = this.set.histogram(
    'intermodal_request_duration_seconds',
    'From the request’s head to the end of its answer.',
    ['route', 'dialect'],
    durationBounds,
  );
  readonly #refusals = this.set.counter(
    'intermodal_refusals_total',
    'Requests and attempts that our own limits, budgets or keys refused.',
    ['route', 'code'],
  );
  readonly #alerts = this.set.counter(
    'intermodal_budget_alerts_total',
    'Budgets that passed a share of their cap.',
    ['budget', 'share'],
  );
  readonly #cache = this.set.counter(
    'intermodal_cache_requests_total',
    'Requests of routes that keep answers.',
    ['route', 'outcome'],
  );
  readonly #cacheStored = this.set.counter(
    'intermodal_cache_stored_bytes_total',
    'Answers that were kept, in bytes.',
    ['route'],
  );
  readonly #attemptRows = new Map<string, AttemptRows>();
  readonly #requestRows = new Map<string, RequestRows>();

  attempt(labels: AttemptLabels, record: AttemptRecord): void {
    const code = record.code ?? '';
    const key = `${labels.route}\n${record.target}\n${labels.operation}\n${record.outcome}\n${code}`;
    const rows = kept(this.#attemptRows, key, () => this.#rowsOf(labels, record.outcome, code));
    rows.attempts.total += 1;
    rows.duration.observe(record.durationMs / 1000);
    const { usage, spent } = record;
    if (spent !== undefined) {
      rows.cost.total += spent.costNanoUsd / 1e9;
      rows.saved.total += (spent.listNanoUsd - spent.costNanoUsd) / 1e9;
    }
    if (usage === undefined) return;
    if (usage.inputTokens !== undefined) rows.input.observe(usage.inputTokens);
    if (usage.outputTokens !== undefined) rows.output.observe(usage.outputTokens);
    rows.cacheRead.total += usage.cacheReadTokens ?? 0;
    rows.cacheWrite.total += usage.cacheWriteTokens ?? 0;
    rows.reasoning.total += usage.reasoningTokens ?? 0;
  }

  #rowsOf({ operation, route, provider, model }: AttemptLabels, outcome: string, code: string): AttemptRows {
    const usage = (type: string): HistogramRow => this.#usage.row([operation, provider, model, type]);
    const special = (kind: string): CounterRow => this.#special.row([provider, model, kind]);
    return {
      attempts: this.#attempts.row([route, provider, model, outcome, code]),
      duration: this.#operation.row([operation, provider, model, code]),
      cost: this.#cost.row([route, provider, model]),
      saved: this.#saved.row([route, provider, model]),
      input: usage('input'),
      output: usage('output'),
      cacheRead: special('cache_read'),
      cacheWrite: special('cache_write'),
      reasoning: special('reasoning'),
    };
  }

  request(route: string, dialect: string, status: number, durationMs: number): void {
    const rows = kept(this.#requestRows, `${route}\n${dialect}\n${status}`, () => ({
      requests: this.#requests.row([route, dialect, String(status)]),
      duration: this.#duration.row([route, dialect]),
    }));
    rows.requests.total += 1;
    rows.duration.observe(durationMs / 1000);
  }

  refusal(route: string, code: string): void {
    this.#refusals.row([route, code]).total += 1;
  }

  cache(route: string, outcome: 'hit' | 'miss' | 'bypass'): void {
    this.#cache.row([route, outcome]).total += 1;
  }

  cacheStored(route: string, bytes: number): void {
    this.#cacheStored.row([route]).total += bytes;
  }

  /** By an answer that no attempt was made for. */
  saved(route: string, provider: string, model: string, nanoUsd: number): void {
    this.#saved.row([route, provider, model]).total += nanoUsd / 1e9;
  }

  budgetAlert(budget: string, share: number): void {
    this.#alerts.row([budget, String(share)]).total += 1;
  }
}

/** Names come from callers too; what falls out is looked up again. */
function kept<Rows>(map: Map<string, Rows>, key: string, make: () => Rows): Rows {
  const known = map.get(key);
  if (known !== undefined) return known;
  const oldest = map.size >= mostKept ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
  const rows = make();
  map.set(key, rows);
  return rows;
}
