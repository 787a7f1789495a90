/**
 * `GET /admin/cascades`: what each cascade that has been asked goes by now, what it has learnt that from, and whether it pays: what a request costs with
 * it, beside what one costs by the strong model alone.
 */
import { decimalDollars } from '../../core/price.ts';
import type { CascadeView } from '../../router/cascade/contract.ts';
import type { CascadeWorld } from '../cascade/world.ts';

export async function answerCascades({ thresholds }: Pick<CascadeWorld, 'thresholds'>): Promise<Response> {
  await thresholds.refresh();
  return Response.json({ cascades: thresholds.views().map(written) });
}

function written(view: CascadeView): object {
  const { route, threshold, accepted, escalated, labels, agreement, error, points } = view;
  return {
    route,
    // JSON has no infinity: nothing is accepted.
    threshold: Number.isFinite(threshold) ? rounded(threshold) : null,
    accepted,
    escalated,
    labels,
    agreement: agreement === undefined ? null : rounded(agreement),
    calibrated: points !== undefined,
    calibration_error: error === undefined ? null : rounded(error),
    reliability: (points ?? []).map((point) => ({
      confidence: rounded(point.raw),
      agreed: rounded(point.agreed),
      labels: point.labels,
    })),
    ...costs(view),
  };
}

/** Not before there is an answer of each. Audits are the operator's choice, and not counted. */
function costs({ accepted, escalated, cheapNanoUsd, strongNanoUsd }: CascadeView): object {
  const answers = accepted + escalated;
  if (cheapNanoUsd === undefined || strongNanoUsd === undefined || answers === 0) return { pays: null };
  const nanoUsd = cheapNanoUsd + (escalated / answers) * strongNanoUsd;
  return {
    cost_usd_each: Number(decimalDollars(Math.round(nanoUsd))),
    strong_usd_each: Number(decimalDollars(Math.round(strongNanoUsd))),
    pays: nanoUsd < strongNanoUsd,
  };
}

const rounded = (share: number): number => Math.round(share * 1e4) / 1e4;
