/** The caller's request, asking also how probable each word was. What the caller did not ask for it is not given. */
import type { Answer } from '../../core/answer.ts';
import { translate } from '../call.ts';
import type { ChatCall } from './own-call.ts';

/** Translated, since in a body as it came nobody asks for them; and only targets that have them are asked. */
export function withLogprobs(call: ChatCall): ChatCall {
  if (call.facts.needs.includes('logprobs')) return call;
  const { stream, streamUsage } = call.facts;
  return {
    ...call,
    facts: { ...call.facts, needs: [...call.facts.needs, 'logprobs'] },
    prepare: (endpoint, strict) => ({
      ...translate(endpoint, { ...call.request(), logprobs: { top: 0 } }, strict),
      forwarded: { stream, streamUsage: streamUsage ?? true, headers: {} },
    }),
  };
}

export function withoutLogprobs(answer: Answer): Answer {
  return { ...answer, choices: answer.choices.map(({ blocks, stop }) => ({ blocks, stop })) };
}
