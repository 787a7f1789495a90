/** The words of an answer, and whether it came to its end. */
import type { Answer, Choice } from '../../core/answer.ts';
import type { StopKind } from '../../core/event.ts';

/** The text that a choice says, without its thoughts. */
export function textOf({ blocks }: Pick<Choice, 'blocks'>): string {
  return blocks
    .map((block) => (block.type === 'text' ? block.text : ''))
    .join('')
    .trim();
}

/** A call of a tool is a whole answer; what was cut off, filtered or refused is none. */
export function isFinished(stop: StopKind): boolean {
  return stop === 'end' || stop === 'stop-sequence' || stop === 'tool';
}

/** Of several choices, how the first ended that did not come to its end. */
export function finishOf({ choices }: Pick<Answer, 'choices'>): StopKind {
  const stops = choices.map(({ stop }) => stop.kind);
  return stops.find((stop) => !isFinished(stop)) ?? stops[0] ?? 'other';
}
