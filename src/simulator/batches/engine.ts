/** Jobs and what becomes of them; see the contract for what it is to the APIs. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { splitLines } from '../../wire/jsonl.ts';
import { tokensOf } from '../brain.ts';
import type { BatchRule, FaultPlan } from '../faults.ts';
import type { Invoice } from '../invoice.ts';
import { createPromptCache } from '../prompt-cache.ts';
import { createRules, roll } from './chance.ts';
import type {
  BatchEngine,
  Checked,
  Created,
  Job,
  JobCounts,
  JobItem,
  JobProblem,
  NewJob,
  Outcome,
} from './contract.ts';
import { createGate } from './gate.ts';
import { createObjectStore } from './object-store.ts';
import { writeResults } from './write-results.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A job, with what only the engine knows of it. */
interface Held {
  readonly job: Writable<Job>;
  readonly rule: BatchRule;
  readonly spec: Omit<NewJob, 'render'>;
  render(outcome: Outcome): { readonly output: string; readonly line: string } | undefined;
  total: number;
  endsAtMs: number;
  inputTokens: number;
  stopTimer: () => void;
  /** Of its items, from 0 to 1: what was done when it was cancelled. */
  cancelledAt: number | undefined;
  hurry: boolean;
  readonly ended: PromiseWithResolvers<void>;
}

export interface JobReport {
  readonly instance: string;
  readonly api: string;
  readonly id: string;
  readonly ourId: string | null;
  readonly model: string;
  readonly state: string;
  readonly counts: JobCounts;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

export interface OwnedEngine extends BatchEngine {
  setPlan(plan: FaultPlan): void;
  jobs(): readonly JobReport[];
  /** Every job that runs is done at once; resolves when its results are written. Returns how many. */
  finishAll(): Promise<number>;
  close(): void;
}

/** Of jobs that have ended, the oldest are forgotten. */
const mostJobs = 20_000;
/** Real ones take up to ten minutes; long enough to be seen. */
const cancellingMs = 20;
const noCounts: JobCounts = { total: 0, answered: 0, failed: 0, expired: 0, cancelled: 0 };

export function createEngine(world: {
  readonly clock: Clock;
  readonly invoice: Invoice;
  readonly plan: FaultPlan;
}): OwnedEngine {
  const { clock } = world;
  const objects = createObjectStore(clock);
  const cache = createPromptCache();
  const held = new Map<string, Held>();
  const numbers = new Map<string, number>();
  // Few at a time, so that memory does not grow with the number of jobs.
  const gate = createGate(3);
  let plan = world.plan;
  let rules = createRules(plan);
  let creations = 0;
  let polls = 0;
  let ids = 0;
  let closed = false;

  const keyOf = (instance: string, id: string): string => `${instance}\n${id}`;
  const isOpen = ({ job }: Held): boolean => job.endedAtMs === undefined;

  function shortOf(instance: string, model: string, inputTokens: number, except?: Held) {
    const rule = rules.find(instance, model);
    if (rule.jobs === undefined && rule.enqueued_tokens === undefined) return undefined;
    const others = [...held.values()].filter(
      (one) => one !== except && isOpen(one) && one.job.instance === instance && one.job.model === model,
    );
    if (rule.jobs !== undefined && others.length >= rule.jobs) return 'jobs' as const;
    const enqueued = others.reduce((sum, one) => sum + one.inputTokens, 0);
    const over = rule.enqueued_tokens !== undefined && enqueued + inputTokens > rule.enqueued_tokens;
    return over ? ('enqueued_tokens' as const) : undefined;
  }

  function shareDone(one: Held): number {
    const begin = one.job.runningAtMs;
    if (begin === undefined) return 0;
    return Math.min(1, (clock.now() - begin) / Math.max(1, one.endsAtMs - begin));
  }

  function fail(one: Held, problems: readonly JobProblem[]): void {
    one.job.problems = problems.map((problem) => one.spec.problem?.(problem) ?? problem);
    settle(one, 'failed');
  }

  function settle(one: Held, state: Job['state']): void {
    one.job.state = state;
    one.job.endedAtMs = clock.now();
    one.ended.resolve();
  }

  async function begin(one: Held): Promise<void> {
    const { job, rule } = one;
    const checked = await gate(() => one.spec.check());
    if (closed) return;
    if (!checked.ok) return fail(one, checked.problems);
    one.total = checked.items;
    if (one.cancelledAt !== undefined) return end(one, 0, 'cancelled');
    if (roll(plan.seed, 'validation', job.number) * 100 < rule.validation_failure)
      return fail(one, [{ code: 'validation', message: 'The input cannot be read.', line: 1 }]);
    const short = shortOf(job.instance, job.model, checked.inputTokens, one);
    if (short !== undefined)
      return fail(one, [{ code: short, message: `Limit: ${rules.find(job.instance, job.model)[short]}` }]);
    one.inputTokens = checked.inputTokens;
    job.state = 'running';
    job.runningAtMs = clock.now();
    one.endsAtMs = Math.max(job.runningAtMs, job.createdAtMs + rule.duration_ms);
    if (one.hurry) return end(one, 1, 'completed');
    if (roll(plan.seed, 'stuck', job.number) * 100 < rule.stuck) {
      one.endsAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    const expires = roll(plan.seed, 'expireJob', job.number) * 100 < rule.expire_job;
    one.stopTimer = clock.after(one.endsAtMs - job.runningAtMs, () =>
      watch(
        one,
        expires ? end(one, roll(plan.seed, 'form', job.number) / 2, 'expired') : end(one, 1, 'completed'),
      ),
    );
  }

  async function end(one: Held, share: number, state: 'completed' | 'expired' | 'cancelled'): Promise<void> {
    const { job, spec } = one;
    one.stopTimer();
    job.finishingAtMs = clock.now();
    if (job.state !== 'cancelling') job.state = 'finishing';
    const results = await gate(() =>
      writeResults(
        {
          spec,
          number: job.number,
          rule: one.rule,
          plan,
          share,
          rest: state === 'cancelled' ? 'cancelled' : 'expired',
          render: one.render,
          outputKey: spec.outputKey ?? ((output) => `${job.instance}/jobs/${job.id}/${output}`),
        },
        { objects, invoice: world.invoice, cache, clock },
      ),
    );
    job.counts = results.counts;
    job.usage = { inputTokens: results.inputTokens, outputTokens: results.outputTokens };
    job.outputs = results.outputs;
    settle(one, state);
  }

  /** A defect of the stand-in must be seen, not taken for a provider's fault. */
  function watch(one: Held, work: Promise<void>): void {
    work.catch((thrown: unknown) => {
      if (closed) return;
      process.stderr.write(
        `simulator: job ${one.job.id}: ${thrown instanceof Error ? thrown.stack : thrown}\n`,
      );
      fail(one, [{ code: 'simulator_defect', message: String(thrown) }]);
    });
  }

  function forget(): void {
    if (held.size < mostJobs) return;
    for (const [key, one] of held) {
      if (isOpen(one)) continue;
      held.delete(key);
      for (const output of Object.values(one.job.outputs)) objects.remove(output.key);
      return;
    }
  }

  function add<Detail>(spec: NewJob<Detail>, rule: BatchRule): Job<Detail> {
    const number = (numbers.get(spec.instance) ?? 0) + 1;
    numbers.set(spec.instance, number);
    let counts = noCounts;
    const job: Writable<Job<Detail>> = {
      id: spec.id,
      number,
      api: spec.api.id,
      instance: spec.instance,
      model: spec.model,
      ourId: spec.ourId,
      detail: spec.detail,
      state: 'validating',
      get counts() {
        if (this.endedAtMs !== undefined || one.total === 0) return counts;
        return { ...counts, total: one.total, answered: Math.floor(one.total * shareDone(one)) };
      },
      set counts(value) {
        counts = value;
      },
      usage: { inputTokens: 0, outputTokens: 0 },
      createdAtMs: clock.now(),
      runningAtMs: undefined,
      finishingAtMs: undefined,
      cancellingAtMs: undefined,
      endedAtMs: undefined,
      problems: [],
      outputs: {},
    };
    const one: Held = {
      job,
      rule,
      spec,
      render: (outcome) => spec.render(outcome, job),
      total: 0,
      endsAtMs: job.createdAtMs + rule.duration_ms,
      inputTokens: 0,
      stopTimer: () => {},
      cancelledAt: undefined,
      hurry: false,
      ended: Promise.withResolvers<void>(),
    };
    forget();
    held.set(keyOf(spec.instance, spec.id), one);
    watch(one, begin(one));
    return job;
  }

  return {
    objects,
    create<Detail>(spec: NewJob<Detail>): Created<Detail> {
      const rule = rules.take(spec.instance, spec.model);
      creations += 1;
      if (roll(plan.seed, 'createError', creations) * 100 < rule.create_error) return { fate: 'fail' };
      const lost = roll(plan.seed, 'lostCreate', creations) * 100 < rule.lost_create;
      return { fate: lost ? 'lose' : 'answer', job: add(spec, rule) };
    },
    find<Detail>(instance: string, id: string, is: (detail: unknown) => detail is Detail) {
      const job = held.get(keyOf(instance, id))?.job;
      return job !== undefined && hasDetail(job, is) ? job : undefined;
    },
    list<Detail>(instance: string, is: (detail: unknown) => detail is Detail) {
      const list: Job<Detail>[] = [];
      for (const { job } of held.values())
        if (job.instance === instance && hasDetail(job, is)) list.push(job);
      return list.reverse();
    },
    cancel({ instance, id }) {
      const one = held.get(keyOf(instance, id));
      if (one === undefined || (one.job.state !== 'validating' && one.job.state !== 'running')) return;
      one.stopTimer();
      one.cancelledAt = shareDone(one);
      const validated = one.job.state === 'running';
      one.job.state = 'cancelling';
      one.job.cancellingAtMs = clock.now();
      const share = one.cancelledAt;
      if (validated)
        one.stopTimer = clock.after(cancellingMs, () => watch(one, end(one, share, 'cancelled')));
    },
    shortOf: (instance, model, inputTokens) => shortOf(instance, model, inputTokens),
    throttled: (instance, model) =>
      rules.throttle(instance, model, roll(plan.seed, 'poll', ++polls))?.retry_after_s,
    async spool(key, items) {
      await objects.write(key, toLines(items));
      return () => readSpool(objects.read(key));
    },
    count: (items) => () => countItems(items()),
    newId: (digits) => createHash('sha256').update(`${plan.seed}\n${++ids}`).digest('hex').slice(0, digits),
    now: () => clock.now(),
    setPlan(next) {
      plan = next;
      rules = createRules(next);
    },
    jobs: () =>
      [...held.values()].map(({ job }) => ({
        instance: job.instance,
        api: job.api,
        id: job.id,
        ourId: job.ourId ?? null,
        model: job.model,
        state: job.state,
        counts: job.counts,
        createdAtMs: job.createdAtMs,
        endedAtMs: job.endedAtMs ?? null,
      })),
    async finishAll() {
      const open = [...held.values()].filter(isOpen);
      for (const one of open) {
        one.hurry = true;
        if (one.job.state !== 'running') continue;
        one.stopTimer();
        watch(one, end(one, 1, 'completed'));
      }
      await Promise.all(open.map(({ ended }) => ended.promise));
      return open.length;
    },
    close() {
      closed = true;
      for (const one of held.values()) {
        one.stopTimer();
        one.ended.resolve();
      }
      objects.close();
    },
  };
}

function hasDetail<Detail>(job: Job, is: (detail: unknown) => detail is Detail): job is Job<Detail> {
  return is(job.detail);
}

async function* toLines(items: AsyncIterable<readonly JobItem[]>): AsyncGenerator<Buffer> {
  for await (const handful of items)
    yield Buffer.from(handful.map((item) => `${JSON.stringify(item)}\n`).join(''));
}

async function* readSpool(bytes: AsyncIterable<Buffer>): AsyncGenerator<readonly JobItem[]> {
  for await (const lines of splitLines(bytes, Number.POSITIVE_INFINITY)) {
    const handful: JobItem[] = [];
    for (const { text } of lines) if (text !== undefined) handful.push(JSON.parse(text.toString('utf8')));
    yield handful;
  }
}

async function countItems(items: AsyncIterable<readonly JobItem[]>): Promise<Checked> {
  let count = 0;
  let inputTokens = 0;
  for await (const handful of items) {
    count += handful.length;
    for (const { body } of handful) inputTokens += tokensOf(JSON.stringify(body).length);
  }
  return { ok: true, items: count, inputTokens };
}
