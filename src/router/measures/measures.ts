/** What orders by measurement go by, of one process: it is measured as requests go by, and forgotten with the process. */
import type { Calibration } from '../../catalog/calibration.ts';
import type { Clock } from '../../core/clock.ts';
import type { Limits } from '../../limits/contract.ts';
import type { Target } from '../chain/contract.ts';
import type { AttemptRecord, Call, Considered, Route } from '../contract.ts';
import type { Learning } from '../learning.ts';
import { learntUnder } from '../needs.ts';
import type { Measures } from '../order.ts';
import { roomOf } from './room.ts';
import { Speeds } from './speed.ts';
import { Warmth } from './warmth.ts';

export interface Measuring extends Measures {
  /** Hears of each attempt. Costs nothing where the route goes by its list. */
  observe(call: Call, route: Route, target: Target, record: AttemptRecord): void;
}

interface MeasuresInput {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly learning: Learning;
  readonly estimates: Calibration;
}

export function createMeasures({ clock, limits, learning, estimates }: MeasuresInput): Measuring {
  const speeds = new Speeds(clock);
  const warmth = new Warmth(clock);
  return {
    speedMs: (target: Target, request: Considered) => speeds.speedMs(target, request),
    room: (target) => roomOf(limits, learning, target),
    inputTokens: ({ facts }, target) => estimates.estimateInput(target.model.id, facts.inputTokens),
    outputTokens: (route, target) => estimates.learnedOutput(learntUnder(route, target)),
    warmTokens: (request, target) => warmth.warmTokens(request, target),
    observe(call, route, target, record) {
      if (route.order === 'listed') return;
      speeds.observe(call, target, record);
      if (route.sticky && record.outcome === 'served') warmth.observe(call, target, record.usage);
    },
  };
}
