/** A whole neutral answer as an Anthropic message. Other choices than the first have no place. */
import type { StopReason } from '@anthropic-ai/sdk/resources/messages';
import type { Answer } from '../../../core/answer.ts';
import type { Block } from '../../../core/content.ts';
import type { Stop, StopKind } from '../../../core/event.ts';
import { isObject } from '../../../core/json.ts';
import type { AnswerContext } from '../contract.ts';
import { carryBlock, wrapSignature } from './signature.ts';
import { encodeUsage } from './usage.ts';

const stopReasons: Readonly<Record<StopKind, StopReason>> = {
  end: 'end_turn',
  length: 'max_tokens',
  context: 'model_context_window_exceeded',
  tool: 'tool_use',
  'stop-sequence': 'stop_sequence',
  filter: 'refusal',
  refusal: 'refusal',
  pause: 'pause_turn',
  other: 'end_turn',
};

export function stopReason(stop: Stop): StopReason {
  return stopReasons[stop.kind];
}

export function messageId(id: string, requestId: string): string {
  return id.startsWith('msg_') ? id : `msg_${id === '' ? requestId : id.replace(/[^A-Za-z0-9_-]/g, '')}`;
}

export function encodeMessage(answer: Answer, context: AnswerContext): object {
  const choice = answer.choices[0];
  const stop = choice?.stop ?? { kind: 'other' };
  return {
    id: messageId(answer.id, context.requestId),
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: (choice?.blocks ?? []).flatMap(encodeBlock),
    stop_reason: stopReason(stop),
    stop_sequence: stop.kind === 'stop-sequence' ? (stop.sequence ?? null) : null,
    usage: encodeUsage(answer.usage),
  };
}

function encodeBlock(block: Block): object[] {
  switch (block.type) {
    case 'text':
      if (block.text === '') return block.carry === undefined ? [] : [carryBlock(block.carry, 'text')];
      return [
        ...(block.carry === undefined ? [] : [carryBlock(block.carry, 'next')]),
        { type: 'text', text: block.text, citations: ownCitations(block.citations) },
      ];
    case 'refusal':
      return block.text === '' ? [] : [{ type: 'text', text: block.text, citations: null }];
    case 'reasoning':
      if (block.redacted === true) return [{ type: 'redacted_thinking', data: wrapSignature(block.carry) }];
      return [{ type: 'thinking', thinking: block.text, signature: wrapSignature(block.carry) }];
    case 'tool-call':
      return [
        ...(block.carry === undefined ? [] : [carryBlock(block.carry, 'next')]),
        { type: 'tool_use', id: block.id, name: block.name, input: readInput(block.arguments, block.kind) },
      ];
    case 'opaque':
      return block.protocol === 'anthropic-messages' && isObject(block.raw) ? [block.raw] : [];
    default:
      return [];
  }
}

/** Only Anthropic's own citation kinds have a shape here. */
export function ownCitations(citations: readonly unknown[] | undefined): readonly unknown[] | null {
  const own = (citations ?? []).filter(
    (one) => isObject(one) && typeof one['type'] === 'string' && /_location$/.test(one['type']),
  );
  return own.length === 0 ? null : own;
}

/** The protocol demands an object; text that is none (cut by a token limit) is kept under a name that says so. */
function readInput(text: string, kind: 'function' | 'custom'): object {
  if (kind === 'custom') return { input: text };
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (value === null) return {};
    return isObject(value) ? value : { _raw_arguments: text };
  } catch {
    return { _raw_arguments: text };
  }
}
