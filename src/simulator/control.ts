/** `/~simulator/…`: faults, limits and the bill, live by HTTP. */
import { faultPlanSchema } from './faults.ts';
import type { State } from './state.ts';

export interface Controlled {
  readonly status: number;
  readonly body: object;
}

export function control(state: State, method: string, url: URL, body: unknown): Controlled {
  const what = `${method} ${url.pathname.slice('/~simulator/'.length)}`;
  switch (what) {
    case 'GET faults':
      return ok(state.plan);
    case 'POST faults': {
      const parsed = faultPlanSchema.safeParse(body);
      if (!parsed.success) return { status: 400, body: { error: parsed.error.message } };
      state.set(parsed.data);
      return ok(state.plan);
    }
    case 'DELETE faults':
      state.set(faultPlanSchema.parse({}));
      return ok(state.plan);
    case 'GET requests':
      return ok({
        counts: state.log.counts(),
        violations: state.limits.violations(),
        requests: state.log.list(),
      });
    case 'DELETE requests':
      state.log.clear();
      return ok({});
    case 'GET limits':
      return ok({ violations: state.limits.violations(), limits: state.limits.usage() });
    case 'GET invoice': {
      const lines = Number(url.searchParams.get('lines') ?? undefined);
      return ok(state.invoice.report(Number.isInteger(lines) ? lines : undefined));
    }
    case 'DELETE invoice':
      state.invoice.clear();
      return ok({});
    case 'GET health':
      return ok({ status: 'ok' });
    default:
      return { status: 404, body: { error: `There is no ${what}.` } };
  }
}

const ok = (body: object): Controlled => ({ status: 200, body });
