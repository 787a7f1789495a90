/** What happens in a drill, and when: outages, throttles, ends of budgets. From a file, or from options that each last a while. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { someTime } from '../../config/units.ts';
import { matchesPattern } from '../../core/pattern.ts';
import { ConfigError } from '../config-error.ts';

/** How a provider may be gone: without answering at all, or with an error. */
const outageKinds = ['outage', 'refused', 'silence', 'auth', 'html', 'cut', 'stall'] as const;

const place = z
  .string()
  .min(1)
  .describe('A provider by its name in the config, or provider/model; * stands for anything.');
const when = {
  at: someTime.or(z.literal(0).transform(() => 0)).describe('From when on.'),
  for: someTime.optional().describe('How long; left out: to the end.'),
};

const event = z.union([
  z.strictObject({
    ...when,
    outage: place,
    kind: z.enum(outageKinds).default('outage'),
    status: z.int().min(500).max(599).default(503),
    percent: z.number().min(1).max(100).default(100),
  }),
  z.strictObject({ ...when, throttle: place, retry_after: someTime.optional() }),
  z.strictObject({
    at: when.at,
    budget_end: z.string().regex(/^(?:all|(?:key|team|route|provider|tag):.+)$/, {
      error: 'must be all, or key:NAME, team:NAME, route:NAME, provider:NAME or tag:NAME',
    }),
  }),
]);

const scriptShape = z.strictObject({
  minutes: z.number().min(1).max(240).optional(),
  events: z.array(event).max(200),
});

export type Happening =
  | {
      readonly kind: 'outage';
      readonly atMs: number;
      readonly untilMs: number;
      readonly of: string;
      readonly how: (typeof outageKinds)[number];
      readonly status: number;
      readonly percent: number;
    }
  | {
      readonly kind: 'throttle';
      readonly atMs: number;
      readonly untilMs: number;
      readonly of: string;
      readonly retryAfterMs: number | undefined;
    }
  | { readonly kind: 'budget-end'; readonly atMs: number; readonly of: string };

export interface Script {
  readonly minutes: number | undefined;
  readonly events: readonly Happening[];
}

export interface Wanted {
  readonly file?: string | undefined;
  readonly outage: readonly string[];
  readonly throttle: readonly string[];
  readonly budgetEnd: readonly string[];
}

/** What options ask for begins after two minutes, and is over after three more. */
const fromMs = 120_000;
const lastsMs = 180_000;

/** Throws `ConfigError`. */
export function readScript({ file, outage, throttle, budgetEnd }: Wanted): Script {
  const written: unknown = {
    events: [
      ...outage.map((of) => ({ at: 0, outage: of })),
      ...throttle.map((of) => ({ at: 0, throttle: of })),
      ...budgetEnd.map((of) => ({ at: 0, budget_end: of })),
    ],
  };
  const asked = parseScript('the options', written).events.map(
    (one): Happening =>
      one.kind === 'budget-end'
        ? { ...one, atMs: fromMs }
        : { ...one, atMs: fromMs, untilMs: fromMs + lastsMs },
  );
  if (file === undefined) return { minutes: undefined, events: asked };
  const { minutes, events } = parseScript(file, readYaml(file));
  return { minutes, events: [...events, ...asked] };
}

function readYaml(file: string): unknown {
  const text = readFileSync(file, 'utf8');
  try {
    const value: unknown = parse(text);
    return Array.isArray(value) ? { events: value } : value;
  } catch (thrown) {
    throw new ConfigError(`${file} is not valid YAML: ${thrown instanceof Error ? thrown.message : ''}`);
  }
}

export function parseScript(from: string, written: unknown): Script {
  const parsed = scriptShape.safeParse(written);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(
      `${from}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not readable'}. Write entries such as {at: 2m, for: 3m, outage: anthropic}, {at: 2m, for: 1m, throttle: openai/gpt-4.1-mini} or {at: 5m, budget_end: "key:search"}.`,
    );
  }
  const { minutes, events } = parsed.data;
  return { minutes, events: events.map(happeningOf) };
}

function happeningOf(written: z.output<typeof event>): Happening {
  const { at: atMs } = written;
  if ('budget_end' in written) return { kind: 'budget-end', atMs, of: written.budget_end };
  const untilMs = written.for === undefined ? Number.POSITIVE_INFINITY : atMs + written.for;
  if ('throttle' in written)
    return { kind: 'throttle', atMs, untilMs, of: written.throttle, retryAfterMs: written.retry_after };
  const { outage: of, kind: how, status, percent } = written;
  return { kind: 'outage', atMs, untilMs, of, how, status, percent };
}

/** Whether a place of a script means a target: all before the first `/` is its provider. */
export function means(of: string, provider: string, model: string): boolean {
  const slash = of.indexOf('/');
  return slash < 0
    ? matchesPattern(of, provider)
    : matchesPattern(of.slice(0, slash), provider) && matchesPattern(of.slice(slash + 1), model);
}

export function happeningText(happening: Happening): string {
  switch (happening.kind) {
    case 'outage': {
      const { of, how, status, percent } = happening;
      const part = percent === 100 ? '' : `, ${percent}% of calls`;
      return `${of} ${how === 'outage' ? `answers ${status}` : howText[how]}${part}`;
    }
    case 'throttle':
      return `${happening.of} throttles`;
    case 'budget-end':
      return `the budget of ${happening.of} ends`;
  }
}

const howText = {
  refused: 'refuses connections',
  silence: 'is silent',
  auth: 'refuses our key',
  html: 'answers a web page',
  cut: 'cuts its answers',
  stall: 'falls silent amid its answers',
} as const;
