/** What Converse demands of turns: results in front, each an answer to the calls right before; a text beside a document; of some models no text beside tools. */
import type { CacheMark } from '../../../core/content.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { RestBlock, RestResultBlock } from './rest-shape.ts';

/** A block and the cache mark behind it, which moves with it. */
export interface Unit {
  readonly block: RestBlock;
  readonly mark?: CacheMark;
}

export interface Turn {
  readonly role: 'user' | 'assistant' | 'system';
  units: readonly Unit[];
}

type ResultUnit = Unit & { readonly block: Extract<RestBlock, { toolResult: object }> };

/** A missing or an orphaned result is the caller's mistake; of two results for one call the later is its last word. */
export function pairResults(turns: readonly Turn[], dropped: Set<string>): void {
  turns.forEach((turn, position) => {
    if (turn.role === 'assistant') requireResults(turn, turns[position + 1]);
    else if (turn.role === 'user') keepAnswers(turn, turns[position - 1], dropped);
  });
}

function callsOf(turn: Turn | undefined): readonly string[] {
  if (turn?.role !== 'assistant') return [];
  return turn.units.flatMap(({ block }) =>
    'toolUse' in block && block.toolUse !== undefined ? [block.toolUse.toolUseId] : [],
  );
}

function resultsOf(turn: Turn): readonly ResultUnit[] {
  return turn.units.filter(isResult);
}

function isResult(unit: Unit): unit is ResultUnit {
  return 'toolResult' in unit.block && unit.block.toolResult !== undefined;
}

function requireResults(turn: Turn, next: Turn | undefined): void {
  const answered = new Set(
    next === undefined ? [] : resultsOf(next).map(({ block }) => block.toolResult.toolUseId),
  );
  const open = callsOf(turn).find((id) => !answered.has(id));
  if (open !== undefined)
    throw invalid(`the tool call ${JSON.stringify(open)} has no result right after its turn`);
}

function keepAnswers(turn: Turn, before: Turn | undefined, dropped: Set<string>): void {
  const results = resultsOf(turn);
  if (results.length === 0) return;
  const calls = callsOf(before);
  const last = new Map<string, Unit>();
  for (const unit of results) {
    const { toolUseId } = unit.block.toolResult;
    if (!calls.includes(toolUseId))
      throw invalid(`the tool result ${JSON.stringify(toolUseId)} answers no call of the turn before it`);
    last.set(toolUseId, unit);
  }
  if (last.size === results.length) return;
  dropped.add('messages.tool_result');
  turn.units = turn.units.filter(
    (unit) => !isResult(unit) || last.get(unit.block.toolResult.toolUseId) === unit,
  );
}

/** Results go in front of everything else of their turn. */
export function resultsFirst(units: readonly Unit[]): readonly Unit[] {
  return units.some(isResult)
    ? [...units.filter(isResult), ...units.filter((unit) => !isResult(unit))]
    : units;
}

/** "A text block is required with a document": one stands in where the caller sent none. */
export function withText(units: readonly Unit[]): readonly Unit[] {
  const holds = (key: string): boolean => units.some(({ block }) => key in block);
  return holds('document') && !holds('text') ? [...units, { block: { text: 'See the document.' } }] : units;
}

/**
 * "Conversation blocks and tool use blocks cannot be provided in the same turn": Llama and Mistral. What the model said beside its calls
 * is left out; what the user said beside results goes into the last result, since no turn may stand between.
 */
export function separateTools(turn: Turn, dropped: Set<string>): void {
  if (turn.role === 'assistant') {
    const calls = turn.units.filter(({ block }) => 'toolUse' in block);
    if (calls.length === 0 || calls.length === turn.units.length) return;
    dropped.add('messages.content');
    turn.units = calls;
    return;
  }
  const results = resultsOf(turn);
  const last = results.at(-1);
  if (last === undefined || results.length === turn.units.length) return;
  const beside = turn.units.filter((unit) => !isResult(unit)).flatMap(({ block }) => asResultBlock(block));
  const { toolResult } = last.block;
  turn.units = [
    ...results.slice(0, -1),
    { ...last, block: { toolResult: { ...toolResult, content: [...toolResult.content, ...beside] } } },
  ];
}

function asResultBlock(block: RestBlock): RestResultBlock[] {
  if ('text' in block && block.text !== undefined) return [{ text: block.text }];
  if ('image' in block && block.image !== undefined) return [{ image: block.image }];
  if ('document' in block && block.document !== undefined) return [{ document: block.document }];
  if ('video' in block && block.video !== undefined) return [{ video: block.video }];
  throw new GatewayError('unsupported', 'This model takes no such content beside tool results.', {
    param: 'messages',
  });
}

function invalid(what: string): GatewayError {
  return new GatewayError('invalid_request', `messages: ${what}.`, { param: 'messages' });
}
