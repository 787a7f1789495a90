/**
 * Structured output for Claude models without native support: a single forced tool whose input is the answer. Its call is read back as
 * text, so that the caller sees what it asked for.
 */
import type { Tool } from '@anthropic-ai/sdk/resources/messages';
import type { Emit, StreamEvent } from '../../../core/event.ts';
import type { OutputFormat } from '../../../core/request.ts';
import { answerSchema } from './schema.ts';

export const jsonToolName = 'json_answer';

export function jsonTool(format: Extract<OutputFormat, { kind: 'schema' }>, dropped: Set<string>): Tool {
  return {
    name: jsonToolName,
    description: format.description ?? 'Give the answer, in this shape.',
    input_schema: answerSchema(format.schema, dropped),
  };
}

/** Turns the forced tool's call into text, and its stop into an end. */
export function unwrapJsonTool(emit: Emit): Emit {
  /** Blocks of the forced tool that are open and still empty: an input without members is `{}`, not nothing. */
  const empty = new Set<number>();
  let wrapped = false;
  let others = false;
  return (event: StreamEvent) => {
    switch (event.type) {
      case 'block-start':
        if (event.block.type !== 'tool-call') break;
        if (event.block.name !== jsonToolName) {
          others = true;
          break;
        }
        wrapped = true;
        empty.add(event.index);
        emit({ ...event, block: { type: 'text' } });
        return;
      case 'block-delta':
        empty.delete(event.index);
        break;
      case 'block-stop':
        if (empty.delete(event.index)) emit({ type: 'block-delta', index: event.index, text: '{}' });
        break;
      case 'stop':
        if (event.stop.kind !== 'tool' || !wrapped || others) break;
        emit({ ...event, stop: { ...event.stop, kind: 'end' } });
        return;
    }
    emit(event);
  };
}
