/**
 * A cascade in the hands of a worker: the cheap chain answers, its answer is judged, and what is not sure enough is asked of the strong one.
 * Time is no matter here, so others are asked only about an answer that is whole. Every call has entries of its own.
 *
 * What a judge is asked, and logprobs that the caller did not ask for, need another request than the one that was kept: with those
 * sources the strong chain is asked at once. Dearer than a cascade, but a cheap answer that nobody has judged would pass for one that was accepted.
 */
import type { Answer, EmbeddingAnswer } from '../core/answer.ts';
import { errorKinds } from '../core/errors.ts';
import { present } from '../core/present.ts';
import { decimalDollars } from '../core/price.ts';
import { agreementOf, comparedField, sayTheSame } from '../router/cascade/agreement.ts';
import { readConfidence } from '../router/cascade/confidence.ts';
import type { Cascade, CascadeVerdict } from '../router/cascade/contract.ts';
import { judgeAnswer } from '../router/cascade/judge.ts';
import type { InForce } from '../router/cascade/threshold.ts';
import { finishOf } from '../router/cascade/words.ts';
import type { Step } from '../router/chain/contract.ts';
import type { Came } from '../router/kept-answer.ts';

export function isJudged({ confidence }: Cascade): boolean {
  return confidence.from === 'field' || confidence.from === 'agreement';
}

export interface Cascading {
  readonly cascade: Cascade;
  readonly inForce: InForce;
  /** By these targets; absent: by the route's own chain. `part` tells the calls of one request apart. */
  ask(part: string, steps?: readonly Step[]): Promise<Came>;
}

export interface Cascaded {
  readonly came: Came;
  readonly outcome: 'accepted' | 'escalated' | 'kept';
  /** Why the cheap answer was not accepted; '' where it was. */
  readonly why: string;
  readonly verdict?: CascadeVerdict;
  /** Whether the strong answer said the same; absent where both are not there, or cannot be compared. */
  readonly agreed?: boolean;
  /** Names of targets, where both answered. */
  readonly compared?: { readonly cheap: string; readonly strong: string };
}

/** `undefined`: nothing came of it yet, and `came` says why; it is asked again as a whole. */
export async function askInCascade(cascading: Cascading): Promise<Cascaded | { readonly came: Came }> {
  const { cascade, ask } = cascading;
  const cheap = await ask('cheap');
  // Want of room passes, and is no reason to pay more.
  if (cheap.kind === 'closed' || (cheap.kind === 'error' && isOurs(cheap))) return { came: cheap };
  const answer = answerOf(cheap);
  if (answer === undefined) return escalate(cascading, cheap, { why: 'failed' });
  const verdict = await judge(cascading, answer, cheap.kind === 'answer' || !cascade.schema);
  if (verdict.accepted) return { came: cheap, outcome: 'accepted', why: '', verdict };
  return escalate(cascading, cheap, { why: verdict.why ?? '', verdict });
}

async function judge(
  { cascade, inForce, ask }: Cascading,
  answer: Answer,
  formOk: boolean,
): Promise<CascadeVerdict> {
  const { confidence } = cascade;
  const { threshold, calibration } = inForce;
  const finish = finishOf(answer);
  const verdictOn = (raw: number | undefined): CascadeVerdict =>
    judgeAnswer(cascade, threshold, calibration, { raw, formOk, finish });
  if (confidence.from !== 'agreement') return verdictOn(readConfidence(confidence, answer));
  const alone = verdictOn(undefined);
  // What is not given out anyway needs nobody's opinion.
  if (alone.why !== 'unreadable') return alone;
  const said = await Promise.all(confidence.with.map((step, index) => ask(`other${index}`, [step])));
  const others = said.flatMap((one) => answerOf(one) ?? []);
  return verdictOn(others.length === 0 ? undefined : agreementOf([answer, ...others], confidence.field));
}

async function escalate(
  { cascade, ask }: Cascading,
  cheap: Came,
  { why, verdict }: { readonly why: string; readonly verdict?: CascadeVerdict },
): Promise<Cascaded | { readonly came: Came }> {
  const strong = await ask('strong', cascade.escalate);
  if (strong.kind === 'closed') return { came: strong };
  const judged = { why, ...present({ verdict }) };
  // It came to its end and has its form: better than none.
  const isWhole = cheap.kind === 'answer' && (why === 'confidence' || why === 'unreadable');
  if (strong.kind !== 'answer' && isWhole) return { came: cheap, outcome: 'kept', ...judged };
  if (strong.kind === 'error' && isOurs(strong)) return { came: strong };
  const [first, second] = [answerOf(cheap), answerOf(strong)];
  if (first === undefined || second === undefined || cheap.kind === 'error' || cheap.kind === 'closed')
    return { came: strong, outcome: 'escalated', ...judged };
  if (strong.kind !== 'answer') return { came: strong, outcome: 'escalated', ...judged };
  const agreed = isWhole ? sayTheSame(first, second, comparedField(cascade)) : false;
  const compared = { cheap: cheap.served.target.name, strong: strong.served.target.name };
  return { came: strong, outcome: 'escalated', ...judged, compared, ...present({ agreed }) };
}

function isOurs({ error }: Extract<Came, { kind: 'error' }>): boolean {
  return errorKinds[error.code].fault === 'policy' && error.retry !== 'never';
}

function answerOf(came: Came): Answer | undefined {
  const answer: Answer | EmbeddingAnswer | undefined =
    came.kind === 'answer' || came.kind === 'form' ? came.answer : undefined;
  return answer !== undefined && 'choices' in answer ? answer : undefined;
}

/** As over a held line; what it cost is of all its calls. */
export function cascadeHeaders(
  { outcome, why, verdict }: Cascaded,
  costNanoUsd: number,
): Record<string, string> {
  const confidence = verdict?.confidence ?? verdict?.raw;
  const parts = [
    outcome,
    ...(why === '' ? [] : [`why=${why}`]),
    ...(confidence === undefined ? [] : [`confidence=${confidence.toFixed(2)}`]),
  ];
  return { 'x-intermodal-cascade': parts.join('; '), 'x-intermodal-cost': decimalDollars(costNanoUsd) };
}
