/** What is written down of a cheap answer beside a strong one. */
import type { Answer } from '../../core/answer.ts';
import { comparedField, sayTheSame } from '../../router/cascade/agreement.ts';
import type { Cascade, CascadeVerdict } from '../../router/cascade/contract.ts';
import type { Route } from '../../router/contract.ts';
import type { Label } from '../../stores/routing/contract.ts';
import type { GatewayWorld } from '../world.ts';
import type { ChatCall } from './own-call.ts';
import type { CascadeWorld } from './world.ts';

export interface Compared {
  readonly kind: Label['kind'];
  readonly call: ChatCall;
  readonly route: Route;
  readonly cascade: Cascade;
  readonly verdict: CascadeVerdict;
  readonly cheap: { readonly target: string; readonly answer: Answer; readonly nanoUsd: number };
  readonly strong: { readonly target: string; readonly answer: Answer; readonly nanoUsd: number };
}

/** Whether both say the same; `undefined`, and nothing is written, where they cannot be compared. */
export function writeLabel(
  world: GatewayWorld,
  { labels, packFeatures }: CascadeWorld,
  compared: Compared,
): boolean | undefined {
  const { kind, call, route, cascade, verdict, cheap, strong } = compared;
  // Not whole, or not of its form: whatever it says, it is not what was asked for, and its confidence is not of an answer.
  const broken = verdict.why === 'unfinished' || verdict.why === 'schema';
  const agreed = broken ? false : sayTheSame(cheap.answer, strong.answer, comparedField(cascade));
  if (agreed === undefined) return undefined;
  const prompt = call.prompt?.(route.complexity.mostChars);
  const features = prompt === undefined ? undefined : packFeatures?.(prompt);
  labels.add({
    id: call.id,
    route: route.name,
    atMs: world.clock.now(),
    kind,
    cheap: cheap.target,
    strong: strong.target,
    agreed,
    cheapNanoUsd: cheap.nanoUsd,
    strongNanoUsd: strong.nanoUsd,
    ...(verdict.raw === undefined || broken ? {} : { confidence: verdict.raw }),
    ...(features === undefined ? {} : { features }),
  });
  return agreed;
}
