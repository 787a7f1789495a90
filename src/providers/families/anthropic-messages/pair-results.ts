/**
 * Calls and results in pairs, as Anthropic demands: each call of an assistant turn is answered in the very next user turn, once, and no
 * result answers nothing. What does not pair is the caller's mistake, told in words that say where.
 */
import type { ContentBlockParam, ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { GatewayError } from '../../../core/errors.ts';

export interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  content: ContentBlockParam[];
}

export function pairResults(turns: readonly Turn[], dropped: Set<string>): void {
  turns.forEach((turn, position) => {
    if (turn.role === 'assistant') requireResults(turn, turns[position + 1]);
    else if (turn.role === 'user') keepAnswers(turn, turns[position - 1], dropped);
  });
}

/** Ids of calls that the turn makes and the caller must answer; a provider answers its own tools itself. */
export function callsOf(turn: Turn | undefined): readonly string[] {
  if (turn?.role !== 'assistant') return [];
  return turn.content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
}

function requireResults(turn: Turn, next: Turn | undefined): void {
  const answered = new Set(next === undefined ? [] : resultsOf(next).map((result) => result.tool_use_id));
  const open = callsOf(turn).find((id) => !answered.has(id));
  if (open !== undefined)
    throw invalid(`the tool call ${JSON.stringify(open)} has no result right after its turn`);
}

function keepAnswers(turn: Turn, before: Turn | undefined, dropped: Set<string>): void {
  const results = resultsOf(turn);
  if (results.length === 0) return;
  const calls = callsOf(before);
  const orphan = results.find((result) => !calls.includes(result.tool_use_id));
  if (orphan !== undefined)
    throw invalid(
      `the tool result ${JSON.stringify(orphan.tool_use_id)} answers no call of the turn before it`,
    );
  // Two results for one call: the later is the caller's last word.
  const last = new Map(results.map((result) => [result.tool_use_id, result]));
  if (last.size === results.length) return;
  dropped.add('messages.tool_result');
  turn.content = turn.content.filter(
    (block) => block.type !== 'tool_result' || last.get(block.tool_use_id) === block,
  );
}

function resultsOf(turn: Turn): readonly ToolResultBlockParam[] {
  return turn.content.filter((block) => block.type === 'tool_result');
}

function invalid(what: string): GatewayError {
  return new GatewayError('invalid_request', `messages: ${what}.`, { param: 'messages' });
}
