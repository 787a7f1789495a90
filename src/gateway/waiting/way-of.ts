/** Which way a request goes whose caller wishes not to wait: the pure rule of `queue/mode.ts`, asked with what the gateway knows of it. */
import { GatewayError } from '../../core/errors.ts';
import type { ChatRequest, EmbeddingRequest } from '../../core/request.ts';
import { type Mode, modes } from '../../core/target.ts';
import { type ChosenWay, chooseWay } from '../../queue/mode.ts';
import type { Considered, Route } from '../../router/contract.ts';
import { decide, type World } from '../../router/decide.ts';
import { noneFits } from '../../router/none-fits.ts';
import type { Wish } from './prefer.ts';

export const allModes: ReadonlySet<Mode> = new Set(modes);
/** Longer than any provider's window by far; what is kept for ever is kept by mistake. */
const longestDeadlineMs = 7 * 86_400_000;

export interface Waitable extends Considered {
  request(): ChatRequest | EmbeddingRequest;
}

export interface WaySight {
  readonly world: World | undefined;
  /** Whether a batch API of the route takes it. */
  batchable(request: Considered, route: Route): boolean;
}

/** Throws what is wrong with the request, where nothing of the route could serve it too. */
export function wayOf(
  { world, batchable }: WaySight,
  call: Waitable,
  route: Route,
  wish: Wish,
): ChosenWay & { readonly deadlineMs: number } {
  const deadlineMs = readDeadline(call.budgetMs ?? route.waiting.deadlineMs);
  const considered: Considered = { ...call, modes: allModes };
  const chosen = chooseWay({
    policy: route.waiting,
    deadlineMs,
    priority: call.priority,
    toolTurn: isToolTurn(call.request()),
    named: namedModes(world, considered, route),
    batchable: batchable(considered, route),
    ...wish,
  });
  return { ...chosen, deadlineMs };
}

function readDeadline(deadlineMs: number): number {
  if (deadlineMs <= longestDeadlineMs) return deadlineMs;
  throw new GatewayError(
    'invalid_request',
    `x-intermodal-deadline is over ${longestDeadlineMs / 86_400_000} days, for which no request is kept.`,
    { param: 'x-intermodal-deadline' },
  );
}

/** Somebody waits for what comes after the next answer too. */
function isToolTurn(request: ChatRequest | EmbeddingRequest): boolean {
  if (request.kind !== 'chat') return false;
  return request.messages.at(-1)?.blocks.some(({ type }) => type === 'tool-result') ?? false;
}

/** Of the targets that could serve it. Health does not count: what is down now may be up when its turn comes. */
function namedModes(world: World | undefined, request: Considered, route: Route): ReadonlySet<Mode> {
  const view = () => ({ standing: 'ready' as const, untilMs: 0 });
  const decision = decide(request, route, { ...world, view });
  if (decision.candidates.length === 0) throw noneFits(route, decision);
  return new Set(decision.candidates.map(({ mode }) => mode));
}
