/** What is found out about a cheap answer before it is given: its form, its end, and how sure it is. */
import type { Answer } from '../../core/answer.ts';
import { ownFacts } from '../../core/own-facts.ts';
import { checkForm } from '../../form/answer.ts';
import { checkCalls } from '../../form/calls.ts';
import { agreementOf } from '../../router/cascade/agreement.ts';
import { readConfidence } from '../../router/cascade/confidence.ts';
import type { Cascade, CascadeVerdict } from '../../router/cascade/contract.ts';
import { judgeAnswer } from '../../router/cascade/judge.ts';
import { judgeRequest, readJudgement } from '../../router/cascade/opinion.ts';
import type { InForce } from '../../router/cascade/threshold.ts';
import { finishOf, isFinished } from '../../router/cascade/words.ts';
import type { AttemptRecord } from '../../router/contract.ts';
import type { GatewayWorld } from '../world.ts';
import { ask, type Question, type Reply } from './ask.ts';
import type { Leash } from './leash.ts';
import { type ChatCall, callFor, wholeCall, withoutPlaces } from './own-call.ts';

export interface Judgement {
  readonly verdict: CascadeVerdict;
  /** The answer with its form mended, where it had to be. */
  readonly mended?: Answer;
  readonly tried: readonly AttemptRecord[];
}

type Terms = Pick<Question, 'route' | 'policy'>;

/** Asks others while the cheap answer is made, where what they say is to be compared with it: one for each step. */
export function askOthers(
  world: GatewayWorld,
  { confidence }: Cascade,
  call: ChatCall,
  terms: Terms,
  sink: Leash,
): readonly Promise<Reply>[] {
  if (confidence.from !== 'agreement') return [];
  const asked = wholeCall(call, withoutPlaces(call));
  return confidence.with.map((step, index) =>
    ask(world, {
      ...terms,
      call: asked,
      steps: [step],
      part: { name: `other${index}`, counted: true },
      sink,
    }),
  );
}

export async function judge(
  world: GatewayWorld,
  cascade: Cascade,
  inForce: InForce,
  call: ChatCall,
  answer: Answer,
  terms: Terms,
  others: { readonly sink: Leash; readonly replies: readonly Promise<Reply>[] },
): Promise<Judgement> {
  const finish = finishOf(answer);
  const form = formOf(cascade, call, answer);
  const sound = isFinished(finish) && form.message === undefined;
  // What is not given out anyway needs nobody's opinion.
  if (!sound) others.sink.cut();
  const replies = await Promise.all(others.replies);
  const tried = replies.flatMap((reply) => reply.tried);
  let raw: number | undefined;
  const { confidence } = cascade;
  switch (confidence.from) {
    case 'field':
    case 'logprobs':
      raw = readConfidence(confidence, answer);
      break;
    case 'agreement': {
      const said = replies.flatMap((reply) => reply.answer ?? []);
      raw = agreementOf([answer, ...said], confidence.field);
      break;
    }
    case 'judge': {
      if (!sound) break;
      const reply = await ask(world, {
        ...terms,
        call: judgeCall(call, answer),
        steps: confidence.by,
        part: { name: 'judge', counted: true },
        sink: others.sink,
      });
      tried.push(...reply.tried);
      raw = reply.answer === undefined ? undefined : readJudgement(reply.answer);
      break;
    }
  }
  const { threshold, calibration } = inForce;
  const judged = { raw, formOk: form.message === undefined, finish };
  const verdict = judgeAnswer(cascade, threshold, calibration, judged);
  return { verdict, tried, ...(form.answer === undefined ? {} : { mended: form.answer }) };
}

/** Where the form does not matter it is not looked at, and not mended. */
function formOf(
  { schema }: Cascade,
  call: ChatCall,
  answer: Answer,
): { readonly answer?: Answer; readonly message?: string } {
  if (!schema) return {};
  const request = call.request();
  const message = checkCalls(answer, request.tools);
  return message === undefined ? (checkForm(request.format, answer) ?? {}) : { message };
}

function judgeCall(call: ChatCall, answer: Answer): ChatCall {
  const request = judgeRequest(call.request(), answer);
  return callFor(call, request, { ...withoutPlaces(call), ...ownFacts(call.facts.model, request) });
}
