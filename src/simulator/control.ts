/** `/~simulator/…`: faults, limits, jobs and the bill, live by HTTP. */
import type { ServerResponse } from 'node:http';
import { faultPlanSchema } from './faults.ts';
import { drained } from './respond.ts';
import type { State } from './state.ts';

export interface Controlled {
  readonly status: number;
  readonly body: object;
}

export async function control(state: State, method: string, url: URL, body: unknown): Promise<Controlled> {
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
    case 'GET jobs':
      return ok({ jobs: state.batches.jobs() });
    case 'POST jobs/finish':
      return ok({ finished: await state.batches.finishAll() });
    case 'GET health':
      return ok({ status: 'ok' });
    default:
      return { status: 404, body: { error: `There is no ${what}.` } };
  }
}

const ok = (body: object): Controlled => ({ status: 200, body });

/** Every line of the bill, as JSON lines, whatever their number. */
export async function sendInvoiceLines(state: State, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(200, { 'content-type': 'application/jsonl' });
  for await (const lines of state.invoice.all()) {
    if (outgoing.destroyed) return;
    const flowing = outgoing.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    if (!flowing) await drained(outgoing);
  }
  outgoing.end();
}
