/** Asks a chain for an answer that stays here: a second opinion, a judgement, an audit. */
import type { Answer } from '../../core/answer.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Outcome } from '../../router/attempt.ts';
import { attemptWhole, readChat } from '../../router/attempt-whole.ts';
import type { Step, Target } from '../../router/chain/contract.ts';
import type { AttemptRecord, Policy, Route, Sink } from '../../router/contract.ts';
import { Pass, type PassPart } from '../../router/gate.ts';
import { walk } from '../../router/walk.ts';
import type { GatewayWorld } from '../world.ts';
import { HeldWhole } from './hold.ts';
import { type ChatCall, routeOver } from './own-call.ts';

export interface Question {
  readonly call: ChatCall;
  readonly route: Route;
  readonly policy: Policy;
  readonly steps: readonly Step[];
  readonly part: PassPart;
  readonly sink: Sink;
}

export interface Reply {
  /** Absent: nobody answered. */
  readonly answer?: Answer;
  readonly target?: Target;
  readonly tried: readonly AttemptRecord[];
}

export async function ask(world: GatewayWorld, question: Question): Promise<Reply> {
  const { call, policy, part } = question;
  const route = routeOver(question.route, question.steps);
  const sink = new HeldWhole(question.sink);
  const pass = new Pass(world.gate, call, route, policy, part);
  const { tried } = await walk(world.walk, call, route, sink, pass, (target, before, remainingMs) => {
    const { chat } = target;
    if (chat === undefined) return noChat(target);
    const input = { call, target, tried: [...before], strict: false, remainingMs };
    return attemptWhole(world.exchange, input, chat, readChat(chat), sink);
  });
  const { held } = sink;
  return held === undefined ? { tried } : { answer: held.answer, target: held.served.target, tried };
}

export function noChat(target: Target): Promise<Outcome> {
  const error = new GatewayError('unsupported', `${target.name} does not offer this operation.`);
  return Promise.resolve({ kind: 'failed', error });
}
