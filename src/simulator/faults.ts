/**
 * What goes wrong, for whom and how often: in a config's `simulator` section, or live by HTTP. The first fault that applies to a request
 * happens to it.
 */
import { z } from 'zod';
import { matchesPattern } from '../core/pattern.ts';
import { skillSchema } from './classify.ts';

const kinds = [
  /** The socket is closed without an answer. */
  'refused',
  /** The socket is reset after the head of an answer. */
  'reset',
  /** An error status: `status`, 500 unless said. */
  'outage',
  /** The provider's own 429, with `retry_after_s`. */
  'rate-limit',
  'auth',
  'quota',
  'context-too-long',
  'content-filter',
  /** A 400 for the request's shape. */
  'refuse-shape',
  'model-not-found',
  /** Waits `delay_ms` before the head, or before the first chunk of a stream with `first_token: true`. */
  'slow',
  /** Never answers. */
  'silence',
  /** Falls silent after `after` chunks. */
  'stall',
  /** Closes the socket after `after` chunks. */
  'cut',
  /** Ends cleanly after `after` chunks, without the terminal event. */
  'no-terminal',
  /** Sends a broken chunk after `after` chunks, or a broken body. */
  'malformed',
  /** Answers 200 with an HTML page. */
  'html',
  /** Sends the dialect's error event after `after` chunks. */
  'error-event',
  /** Answers in `words` words, and so costs more. */
  'verbose',
  /** A call at the flex tier is refused: there is no room for it. */
  'flex-full',
  /** A call at the flex tier is served, and billed, like all others. */
  'flex-as-standard',
] as const;

export const faultSchema = z.strictObject({
  provider: z.string().default('*').describe('Instance name, a pattern.'),
  model: z.string().default('*').describe('A pattern.'),
  kind: z.enum(kinds),
  percent: z.number().min(0).max(100).default(100),
  /** How many requests it happens to; absent: all. */
  times: z.int().min(1).optional(),
  status: z.int().min(400).max(599).default(500),
  retry_after_s: z.number().min(0).optional(),
  delay_ms: z.int().min(0).max(600_000).default(0),
  first_token: z.boolean().default(false),
  after: z.int().min(0).default(0),
  words: z.int().min(1).max(100_000).default(300),
  /** Only streaming requests, or only others. */
  stream: z.boolean().optional(),
});

export const limitSchema = z.strictObject({
  provider: z.string().default('*'),
  model: z.string().default('*'),
  rpm: z.number().min(1).optional(),
  input_tpm: z.number().min(1).optional(),
  output_tpm: z.number().min(1).optional(),
  concurrent: z.int().min(1).optional(),
});

export const priceSchema = z.strictObject({
  provider: z.string().default('*').describe('Instance name, a pattern.'),
  model: z.string().default('*').describe('A pattern.'),
  input: z.number().min(0).describe('Dollars for a million input tokens that no cache holds.'),
  output: z.number().min(0).describe('Dollars for a million output tokens.'),
  cache_write: z
    .number()
    .min(0)
    .optional()
    .describe('Dollars for a million input tokens written to a cache; left out: as input.'),
  cache_read: z
    .number()
    .min(0)
    .optional()
    .describe(
      'Dollars for a million input tokens read from a cache. With it, batches of OpenAI have one, which serves long system messages that came before.',
    ),
  batch: z
    .number()
    .min(0)
    .default(0.5)
    .describe('What an answer of a batch job costs, as a factor of the same.'),
  flex: z
    .number()
    .min(0)
    .default(0.5)
    .describe('What an answer at the flex tier costs, as a factor of the same.'),
});

const percent = z.number().min(0).max(100).default(0);

/** What happens to batch jobs. The first rule that applies to a job holds for all its life. */
export const batchRuleSchema = z.strictObject({
  provider: z.string().default('*').describe('Instance name, a pattern.'),
  model: z.string().default('*').describe('A pattern.'),
  /** How many jobs it applies to, and how many of their polls it throttles; absent: all. */
  times: z.int().min(1).optional(),
  duration_ms: z.int().min(0).max(86_400_000).default(200).describe('How long a job takes.'),
  item_error: percent.describe('Percent of items with an error that the provider calls transient.'),
  item_invalid: percent.describe('Percent of items that the provider refuses for good.'),
  expire: percent.describe('Percent of items that are not done in time.'),
  expire_job: percent.describe('Percent of jobs that end before half of their items is done.'),
  corrupt: percent.describe('Percent of answers whose text is fenced, cut, or has a comma too many.'),
  missing: percent.describe('Percent of items of which nothing is told.'),
  duplicate: percent.describe('Percent of items that are told twice.'),
  broken_line: percent.describe('Percent of items whose line is cut in the middle.'),
  validation_failure: percent.describe('Percent of jobs that fail before they run.'),
  stuck: percent.describe('Percent of jobs that never end, unless they are cancelled.'),
  lost_create: percent.describe('Percent of creations whose answer is never sent.'),
  create_error: percent.describe('Percent of creations that are a server error, with nothing created.'),
  poll_throttle: percent.describe('Percent of polls that are a 429.'),
  retry_after_s: z.number().min(0).default(1).describe('What a throttled poll is told to wait.'),
  shuffle: z.boolean().default(true).describe('Whether results come in another order than items.'),
  enqueued_tokens: z.number().min(1).optional().describe('Input tokens that all open jobs may have.'),
  jobs: z.int().min(1).optional().describe('Jobs that may be open at once.'),
});

export const faultPlanSchema = z.strictObject({
  faults: z.array(faultSchema).default([]),
  limits: z.array(limitSchema).default([]),
  prices: z
    .array(priceSchema)
    .default([])
    .describe('What the stand-ins bill; the first that applies. Without one: $1 and $4.'),
  think_ms: z
    .int()
    .min(0)
    .max(600_000)
    .default(0)
    .describe('How long every model thinks before it answers. Not a fault.'),
  batches: z
    .array(batchRuleSchema)
    .default([])
    .describe('What happens to batch jobs; the first that applies. Without one: nothing, in 200 ms.'),
  answers: z
    .array(skillSchema)
    .default([])
    .describe(
      'How well models answer labelled prompts; the first that applies. Without one: like every prompt.',
    ),
  seed: z.int().default(1),
});

export type Fault = z.output<typeof faultSchema>;
export type Limit = z.output<typeof limitSchema>;
export type BilledPrice = z.output<typeof priceSchema>;
export type BatchRule = z.output<typeof batchRuleSchema>;
export type FaultPlan = z.output<typeof faultPlanSchema>;

export interface Faults {
  /** The fault that happens to this request, if any. `flex`: it asks for that tier. */
  pick(instance: string, model: string, stream: boolean, flex?: boolean): Fault | undefined;
}

export function createFaults(plan: FaultPlan): Faults {
  const left = plan.faults.map((fault) => fault.times ?? Number.POSITIVE_INFINITY);
  // A small linear congruential generator: seeded, so that a run can be repeated.
  let state = plan.seed >>> 0;
  const chance = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    pick(instance, model, stream, flex = false) {
      for (const [index, fault] of plan.faults.entries()) {
        if ((left[index] ?? 0) <= 0) continue;
        if (!matchesPattern(fault.provider, instance) || !matchesPattern(fault.model, model)) continue;
        if (fault.stream !== undefined && fault.stream !== stream) continue;
        if (fault.kind.startsWith('flex-') && !flex) continue;
        if (fault.percent < 100 && chance() * 100 >= fault.percent) continue;
        left[index] = (left[index] ?? 0) - 1;
        return fault;
      }
      return undefined;
    },
  };
}
