/**
 * Structured output for models without native support: a single forced tool whose input is the answer. Its call is read back as text, so
 * that the caller sees what it asked for.
 */
import type { Emit } from '../../core/event.ts';

export const jsonToolName = 'json_answer';
export const jsonToolDescription = 'Give the answer, in this shape.';

/** Turns the forced tool's call into text, and its stop into an end. */
export function unwrapForcedJson(emit: Emit): Emit {
  let wrapped = false;
  let others = false;
  return (event) => {
    if (event.type === 'block-start' && event.block.type === 'tool-call') {
      if (event.block.name === jsonToolName) {
        wrapped = true;
        emit({ ...event, block: { type: 'text' } });
        return;
      }
      others = true;
    }
    if (event.type === 'stop' && event.stop.kind === 'tool' && wrapped && !others) {
      emit({ ...event, stop: { ...event.stop, kind: 'end' } });
      return;
    }
    emit(event);
  };
}
