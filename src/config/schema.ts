/**
 * The config file, as one schema. A provider's settings are its own folder's; here they are looked up by `type`, so that no provider is named.
 */
import { z } from 'zod';
import { capabilities } from '../core/capability.ts';
import type { ProviderType } from '../providers/contract.ts';
import { redis, store } from './addresses.ts';
import { batch } from './batch.ts';
import { budget, limits, price } from './capacity.ts';
import { chain } from './chain.ts';
import { canary } from './routing/canary.ts';
import { cascade } from './routing/cascade.ts';
import { complexity } from './routing/complexity.ts';
import { order, sticky } from './routing/order.ts';
import { responseCache } from './routing/response-cache.ts';
import { routeWaiting, waiting } from './routing/waiting.ts';
import { count, duration, durationRange, range, share, shareRange, size, someTime } from './units.ts';

/** Of two times the second must not be shorter; either may be absent. */
function ordered<Key extends string>(lower: Key, upper: Key) {
  return (value: { readonly [K in Key]?: number | undefined }, context: z.RefinementCtx): void => {
    const [least, most] = [value[lower], value[upper]];
    if (least === undefined || most === undefined || least <= most) return;
    const params = { fix: `Make ${upper} at least as long as ${lower}.` };
    context.addIssue({ code: 'custom', path: [upper], message: `${upper} is shorter than ${lower}`, params });
  };
}

const timeoutFields = {
  connect: someTime.describe('Making the connection.'),
  first_byte: someTime.describe('Response headers of a stream.'),
  first_token: someTime.describe('First content of a stream; before it another target may answer.'),
  answer: someTime.describe('First byte of an answer that is not streamed.'),
  idle: someTime.describe('Silence inside an answer.'),
  total: someTime.describe('One attempt, whole.'),
  flex: someTime.describe(
    'Of targets at a flex tier, which wait for room: in place of first_byte, first_token, answer and idle; total is at least this.',
  ),
};

const retryFields = {
  rounds: z.int().min(1).max(10).describe('How often the chain may be walked.'),
  same_target: z.int().min(0).max(5).describe('Further tries on the same target before the next one.'),
  base: duration.describe('First wait between rounds; full jitter, doubling.'),
  cap: duration.describe('Longest wait between rounds.'),
  retry_after_cap: duration.describe('A provider’s retry-after is obeyed up to this.'),
};

const timeouts = z.strictObject({
  connect: timeoutFields.connect.prefault('5s'),
  first_byte: timeoutFields.first_byte.prefault('15s'),
  first_token: timeoutFields.first_token.prefault('15s'),
  answer: timeoutFields.answer.prefault('2m'),
  idle: timeoutFields.idle.prefault('30s'),
  total: timeoutFields.total.prefault('10m'),
  // OpenAI’s guide to flex processing asks for 15 minutes; a shorter wait would pay for answers that come after it.
  flex: timeoutFields.flex.prefault('15m'),
});

const retry = z
  .strictObject({
    rounds: retryFields.rounds.default(3),
    same_target: retryFields.same_target.default(0),
    base: retryFields.base.prefault('250ms'),
    cap: retryFields.cap.prefault('8s'),
    retry_after_cap: retryFields.retry_after_cap.prefault('60s'),
  })
  .superRefine(ordered('base', 'cap'));

/** `oneOrMore` tells `json-schema.ts`, which sees the list alone. */
const oneOrMore = <T extends z.ZodType>(item: T) =>
  z
    .preprocess(
      (value) => (value === undefined || Array.isArray(value) ? value : [value]),
      z.array(item).optional(),
    )
    .meta({ oneOrMore: true });

const condition = z.strictObject({
  model: oneOrMore(z.string()).describe(
    'Patterns on the model that the caller names; * stands for anything.',
  ),
  tags: oneOrMore(z.string()).describe('Every one of these x-intermodal-tags.'),
  headers: z.record(z.string(), z.string()).optional().describe('Header name to pattern.'),
  input_tokens: range.optional().describe('Estimated size of the request.'),
  max_output_tokens: range.optional().describe('What the request asks for at most.'),
  needs: oneOrMore(z.enum(capabilities)).describe('What the request uses.'),
  stream: z.boolean().optional().describe('Whether the answer is streamed.'),
  priority: oneOrMore(z.enum(['high', 'normal', 'low'])).describe('From x-intermodal-priority.'),
  complexity: shareRange.optional().describe('How hard the request looks, from 0 to 1.'),
  deadline: durationRange
    .optional()
    .describe('Time until the caller needs the answer; without a deadline it does not hold.'),
});

const rule = z.strictObject({
  when: condition.describe('All that is named must hold.'),
  chain,
});

const route = z.strictObject({
  chain,
  rules: z.array(rule).default([]).describe('The first whose condition holds gives the chain.'),
  aliases: z.array(z.string()).default([]).describe('Other names for this route.'),
  budget: someTime
    .optional()
    .describe(
      'Time for a request, all attempts and waits together. Left out: 5m, and where a target is @flex its time-out beside.',
    ),
  strict: z
    .boolean()
    .default(false)
    .describe('Refuse with 400 what would otherwise be dropped and reported.'),
  on_content_filter: z
    .enum(['return', 'next'])
    .default('return')
    .describe('Whether a filter’s refusal may go to the next target.'),
  over_budget: z
    .enum(['refuse', 'next'])
    .default('refuse')
    .describe(
      'Whether a spent budget refuses the request, or only this target, so that a cheaper one may serve.',
    ),
  reserve: z
    .enum(['worst', 'expected'])
    .default('worst')
    .describe(
      'What a budget sets aside for a request: the most that it can cost, or the 95th percentile of what this route’s requests did.',
    ),
  known_prices: z.boolean().default(false).describe('Pass over targets whose price nobody knows.'),
  order,
  sticky,
  complexity,
  cascade,
  canary,
  cache: responseCache,
  waiting: routeWaiting,
  timeouts: z.strictObject(timeoutFields).partial().optional().describe('Over those of the whole file.'),
  retry: z.strictObject(retryFields).partial().optional().describe('Over those of the whole file.'),
});

const model = z.strictObject({
  context: count.optional().describe('Context window in tokens, input and output together.'),
  max_output: count.optional().describe('Most tokens of one answer.'),
  capabilities: z.array(z.enum(capabilities)).optional().describe('What it can do, all of it.'),
  sampling: z
    .enum(['free', 'one-of', 'fixed'])
    .optional()
    .describe('Whether temperature and top_p are taken: both, one of them, none.'),
  thinking: z
    .enum(['none', 'budget', 'adaptive', 'effort', 'level'])
    .optional()
    .describe('How it is told to think: by a token budget, adaptively, by an effort, by a level.'),
  efforts: z
    .array(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max']))
    .optional()
    .describe('Efforts that it accepts, weakest first.'),
  mid_system: z.boolean().optional().describe('Takes system messages between turns.'),
  prefill: z.boolean().optional().describe('Continues an unfinished assistant turn.'),
  native_schema: z.boolean().optional().describe('Takes a JSON Schema natively.'),
});

const server = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Loopback unless you say otherwise; beyond this machine only callers with a key are served.'),
  port: z.int().min(0).max(65_535).default(4000).describe('0 takes a free one.'),
  max_body: size.prefault('32M').describe('Largest request body.'),
  max_upload: size.prefault('2G').describe('Largest file of a batch, and largest batch in one request.'),
  decisions: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(10_000)
    .describe('How many of the latest decisions are kept in memory, for GET /admin/decisions.'),
  linger: duration
    .prefault('0s')
    .describe(
      'How long new requests are still taken after SIGTERM, while /readyz says no: what load balancers take to notice.',
    ),
  drain: duration.prefault('30s').describe('How long requests may finish after that.'),
  log: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Least level that is logged.'),
});

const breaker = z
  .strictObject({
    failures: z.int().min(1).max(1000).default(5).describe('Opens at this many failures within the window …'),
    ratio: share.prefault('50%').describe('… if they are at least this share of the outcomes.'),
    window: someTime.prefault('30s').describe('Failures older than this are forgotten.'),
    open: someTime.prefault('5s').describe('First time open; doubles with each failed probe.'),
    open_cap: someTime.prefault('20s').describe('Longest time open.'),
  })
  .superRefine(ordered('open', 'open_cap'));

export type Registry = Readonly<Record<string, ProviderType>>;

/** `simulator`: the shape of the stand-ins' section, whose room checks it. */
export function configSchema(registry: Registry, simulator: z.ZodType = z.unknown()) {
  const [first, ...others] = Object.entries(registry).map(([type, { settings }]) => withType(type, settings));
  const provider = first === undefined ? z.never() : z.discriminatedUnion('type', [first, ...others]);
  return z.strictObject({
    server: server.prefault({}).describe('Needs a restart; everything else reloads.'),
    providers: z
      .record(z.string().regex(/^[a-z0-9][\w.-]*$/i), provider)
      .describe('Upstream accounts, by the name that targets use.'),
    models: z
      .record(z.string(), model)
      .default({})
      .describe('What is known of a model, over the catalog; by model or provider/model.'),
    timeouts: timeouts.prefault({}).describe('How long to wait for what.'),
    retry: retry.prefault({}).describe('How often and when to try again.'),
    breaker: breaker.prefault({}).describe('When a failing target is left alone.'),
    store: store
      .default('intermodal.db')
      .describe('Where the ledger and the keys are kept: a file, :memory:, or postgres://… Needs a restart.'),
    redis: redis
      .optional()
      .describe(
        'redis://…, redis+sentinel://…/MASTER or redis+cluster://…: limits and budgets are shared with every gateway on it. Needs a restart.',
      ),
    limits: z
      .record(z.string(), limits)
      .default({})
      .describe('What a provider, or a model at a provider, allows; by provider or provider/model.'),
    budgets: z.array(budget).default([]).describe('Caps on what is spent.'),
    prices: z
      .record(z.string(), price)
      .default({})
      .describe('Prices over those that are known; by provider/model.'),
    direct: z.boolean().default(true).describe('Whether clients may name provider/model themselves.'),
    routes: z
      .record(z.string().min(1), route)
      .describe('What apps name in `model`; * in a name stands for anything.'),
    waiting,
    batch: batch.prefault({}).describe('Work that comes as batches. A change of blobs needs a restart.'),
    simulator: simulator.optional().describe('The stand-ins that `serve --simulate` starts.'),
  });
}

function withType(type: string, settings: z.ZodType) {
  if (!(settings instanceof z.ZodObject))
    throw new TypeError(`The settings of provider type ${type} are not an object schema.`);
  return settings.safeExtend({ type: z.literal(type) });
}

export type Config = z.output<ReturnType<typeof configSchema>>;
export type RouteConfig = Config['routes'][string];
export type ConditionConfig = RouteConfig['rules'][number]['when'];
