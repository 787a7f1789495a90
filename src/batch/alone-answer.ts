/** What came of an item's single call: its answer as the caller gets it, and what all its attempts used. */
import type { Answer, EmbeddingAnswer } from '../core/answer.ts';
import { GatewayError } from '../core/errors.ts';
import type { AttemptRecord, Target } from '../router/contract.ts';
import type { SettledSums } from '../stores/batch/contract.ts';
import { checkForm } from './answer.ts';
import type { ItemCall } from './contract.ts';

export interface Told {
  readonly target: string;
  readonly body: string;
  /** Its form mended; absent where nobody has to look at it. */
  readonly answer?: Answer | EmbeddingAnswer;
  readonly repaired: 0 | 1;
  readonly wrongForm?: string;
}

/** An answer as the caller gets it, its form mended or found wrong; `body`: as it came, where that serves. */
export function tell(
  call: ItemCall,
  { name }: Target,
  answer: Answer | EmbeddingAnswer,
  body: string | undefined = undefined,
): Told {
  const checked = 'choices' in answer ? checkForm(call, answer) : undefined;
  const mended = checked?.answer;
  return {
    target: name,
    body:
      body === undefined || mended !== undefined ? JSON.stringify(call.encodeAnswer(mended ?? answer)) : body,
    answer: mended ?? answer,
    repaired: mended === undefined ? 0 : 1,
    ...(checked?.message === undefined ? {} : { wrongForm: checked.message }),
  };
}

export function none(target: Target) {
  const error = new GatewayError('unsupported', `${target.name} does not offer this operation.`);
  return Promise.resolve({ kind: 'failed' as const, error });
}

export function sumsOf(records: readonly AttemptRecord[]): SettledSums {
  let [costNanoUsd, listNanoUsd] = [0, 0];
  let [inputTokens, cacheReadTokens, outputTokens, reasoningTokens] = [0, 0, 0, 0];
  for (const { spent, usage } of records) {
    costNanoUsd += spent?.costNanoUsd ?? 0;
    listNanoUsd += spent?.listNanoUsd ?? 0;
    inputTokens += usage?.inputTokens ?? 0;
    cacheReadTokens += usage?.cacheReadTokens ?? 0;
    outputTokens += usage?.outputTokens ?? 0;
    reasoningTokens += usage?.reasoningTokens ?? 0;
  }
  const tokens = { inputTokens, cacheReadTokens, outputTokens, reasoningTokens };
  return { costNanoUsd, listNanoUsd, ...tokens, repaired: 0 };
}

/** A provider may write its answer over several lines; results are one a line. */
export function oneLine(body: string): string {
  return body.includes('\n') ? JSON.stringify(JSON.parse(body)) : body;
}
