/** What a request's complexity is scored on. */
import type { ChatRequest, EmbeddingRequest } from '../core/request.ts';
import type { Prompt } from '../router/complexity/contract.ts';
import { boundText } from '../router/complexity/text.ts';

/**
 * The user's words of the whole conversation: the first say what it is about and the last what is asked now, and those two ends are what is read of a
 * long one. Not what the system or the model says, which an app's requests have in common; and a turn of tool results has the score of the turn before.
 */
export function promptOf(
  request: ChatRequest | EmbeddingRequest,
  mostChars: number,
  inputTokens: number,
): Prompt {
  if (request.kind === 'embedding') {
    const texts = request.inputs.filter((input) => typeof input === 'string');
    return { text: boundText(texts, mostChars), inputTokens, messages: request.inputs.length };
  }
  const texts = request.messages
    .filter(({ role }) => role === 'user')
    .flatMap(({ blocks }) => blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])));
  return {
    text: boundText(texts, mostChars),
    inputTokens,
    messages: request.messages.length,
    tools: request.tools.length > 0,
  };
}
