/** Writes what came of a job's items into its output files, as a stream: a thousand lines are held, however many there are. */
import type { Clock } from '../../core/clock.ts';
import type { BatchRule, FaultPlan } from '../faults.ts';
import { type Invoice, priceOf } from '../invoice.ts';
import type { PromptCache } from '../prompt-cache.ts';
import { answerItem, type ItemContext } from './answer-item.ts';
import { roll } from './chance.ts';
import type { JobCounts, JobItem, NewJob, Outcome, StoredObject } from './contract.ts';
import type { ClosableStore, ObjectWriter } from './object-store.ts';

type Line = { readonly output: string; readonly line: string };

export interface ResultsTask {
  readonly spec: Pick<NewJob, 'id' | 'api' | 'instance' | 'model' | 'matched' | 'items' | 'emptyOutputs'>;
  readonly number: number;
  readonly rule: BatchRule;
  readonly plan: FaultPlan;
  /** How much of the job is done, from 0 to 1; the rest is `rest`. */
  readonly share: number;
  readonly rest: 'expired' | 'cancelled';
  render(outcome: Outcome): Line | undefined;
  outputKey(output: string): string;
}

export interface Results {
  readonly counts: JobCounts;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly outputs: Readonly<Record<string, StoredObject>>;
}

interface World {
  readonly objects: ClosableStore;
  readonly invoice: Invoice;
  readonly cache: PromptCache;
  readonly clock: Clock;
}

/** Far enough that nobody can rely on order, few enough to be held for many jobs. */
const poolLines = 1_000;

export async function writeResults(task: ResultsTask, world: World): Promise<Results> {
  const counts = { total: 0, answered: 0, failed: 0, expired: 0, cancelled: 0 };
  let inputTokens = 0;
  let outputTokens = 0;
  const writers = createWriters(task, world.objects);
  const pool = createPool(task, writers.write);
  try {
    await writeAll();
  } catch (thrown) {
    // Files that stay open are closed by nobody else.
    await writers.end();
    throw thrown;
  }
  return { counts, inputTokens, outputTokens, outputs: await writers.end() };

  async function writeAll(): Promise<void> {
    for await (const handful of task.spec.items()) {
      for (const item of handful) {
        const index = counts.total++;
        const outcome = decide(task, item, index, world);
        if (outcome.kind === 'answered') {
          counts.answered += 1;
          inputTokens += outcome.usage.inputTokens;
          outputTokens += outcome.usage.outputTokens;
        } else if (outcome.kind === 'expired' || outcome.kind === 'cancelled') counts[outcome.kind] += 1;
        else counts.failed += 1;
        for (const line of spoil(task, index, task.render(outcome))) await pool.add(line);
      }
    }
    await pool.end();
  }
}

/** Of all that may happen to an item by chance at most one does, so that each percentage is its own. */
type Fate = 'missing' | 'broken_line' | 'item_error' | 'item_invalid' | 'expire' | undefined;
const fates = ['missing', 'broken_line', 'item_error', 'item_invalid', 'expire'] as const;

function fateOf({ plan, rule, number }: ResultsTask, index: number): Fate {
  let left = roll(plan.seed, 'fate', number, index) * 100;
  for (const fate of fates) {
    left -= rule[fate];
    if (left < 0) return fate;
  }
  return undefined;
}

function decide(
  task: ResultsTask,
  item: JobItem,
  index: number,
  { invoice, cache, clock }: Pick<World, 'invoice' | 'cache' | 'clock'>,
): Outcome {
  const { spec, plan, rule, number } = task;
  if (roll(plan.seed, 'when', number, index) >= task.share) return { kind: task.rest, item };
  switch (fateOf(task, index)) {
    case 'expire':
      return { kind: 'expired', item };
    case 'item_error':
      return { kind: 'error', item, rendered: spec.api.refuse('server-error', '', {}) };
    case 'item_invalid':
      return {
        kind: 'invalid',
        item,
        rendered: spec.api.refuse('bad-request', 'The request is invalid.', {}),
      };
    default: {
      const spoiled = roll(plan.seed, 'corrupt', number, index) * 100 < rule.corrupt;
      const context: ItemContext = {
        ...spec,
        jobId: spec.id,
        seed: plan.seed,
        answers: plan.answers,
        cache: priceOf(plan.prices, spec.instance, spec.model).cache_read === undefined ? undefined : cache,
        atMs: clock.now(),
        corrupt: spoiled ? roll(plan.seed, 'form', number, index) : undefined,
      };
      const { outcome, bill } = answerItem(context, item);
      // What was lost before anybody could read it is not charged; a line that broke later is.
      if (bill !== undefined && fateOf(task, index) !== 'missing') invoice.begin()(bill, plan.prices);
      return outcome;
    }
  }
}

/** What is told of an item: nothing, half a line, two lines. */
function spoil(task: ResultsTask, index: number, line: Line | undefined): readonly Line[] {
  if (line === undefined) return [];
  const fate = fateOf(task, index);
  if (fate === 'missing') return [];
  if (fate === 'broken_line') return [{ ...line, line: line.line.slice(0, Math.ceil(line.line.length / 2)) }];
  const twice = roll(task.plan.seed, 'duplicate', task.number, index) * 100 < task.rule.duplicate;
  return twice ? [line, line] : [line];
}

/** Every line changes places with one that waits, so that the first may come last. */
function createPool({ plan, rule, number }: ResultsTask, write: (line: Line) => Promise<void>) {
  const waiting: Line[] = [];
  let step = 0;
  const place = (): number => Math.floor(roll(plan.seed, 'shuffle', number, step++) * waiting.length);
  return {
    async add(line: Line): Promise<void> {
      if (!rule.shuffle) return write(line);
      waiting.push(line);
      if (waiting.length > poolLines) await takeOut();
    },
    async end(): Promise<void> {
      while (waiting.length > 0) await takeOut();
    },
  };
  async function takeOut(): Promise<void> {
    const at = place();
    const out = waiting[at];
    const last = waiting.pop();
    if (last !== undefined && at < waiting.length) waiting[at] = last;
    if (out !== undefined) await write(out);
  }
}

function createWriters(task: ResultsTask, objects: ClosableStore) {
  const writers = new Map<string, ObjectWriter>();
  const open = (output: string): ObjectWriter => {
    const known = writers.get(output) ?? objects.openWriter(task.outputKey(output));
    writers.set(output, known);
    return known;
  };
  for (const output of task.spec.emptyOutputs ?? []) open(output);
  return {
    write: ({ output, line }: Line): Promise<void> => open(output).write(`${line}\n`),
    async end(): Promise<Readonly<Record<string, StoredObject>>> {
      const outputs: Record<string, StoredObject> = {};
      for (const [output, writer] of writers) outputs[output] = await writer.end();
      return outputs;
    },
  };
}
