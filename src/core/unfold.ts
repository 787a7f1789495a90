/** A whole answer as the events of a stream: what `createFold` undoes. */
import type { Answer, AnswerBlock } from './answer.ts';
import type { BlockStart, Emit } from './event.ts';

export function unfold(answer: Answer, emit: Emit): void {
  const { id, model, createdAtS } = answer;
  emit({ type: 'start', id, model, ...(createdAtS === undefined ? {} : { createdAtS }) });
  let index = 0;
  answer.choices.forEach(({ blocks, stop, logprobs }, choice) => {
    // They belong to the words of the choice, whichever block has them.
    let untold = logprobs;
    for (const block of blocks) {
      const started = startOf(block);
      if (started === undefined) continue;
      emit({ type: 'block-start', index, choice, block: started.start });
      if (started.text !== '')
        emit({
          type: 'block-delta',
          index,
          text: started.text,
          ...(untold === undefined || block.type !== 'text' ? {} : { logprobs: untold }),
        });
      if (block.type === 'text') {
        untold = undefined;
        for (const citation of block.citations ?? []) emit({ type: 'block-citation', index, citation });
      }
      emit({ type: 'block-stop', index });
      index += 1;
    }
    emit({ type: 'stop', choice, stop });
  });
  if (answer.usage !== undefined) emit({ type: 'usage', usage: answer.usage });
  emit({ type: 'end' });
}

function startOf(block: AnswerBlock): { readonly start: BlockStart; readonly text: string } | undefined {
  switch (block.type) {
    case 'text':
      return { start: { type: 'text', ...carryOf(block) }, text: block.text };
    case 'reasoning':
      return {
        start: {
          type: 'reasoning',
          ...carryOf(block),
          ...(block.redacted === undefined ? {} : { redacted: block.redacted }),
        },
        text: block.text,
      };
    case 'tool-call': {
      const { id, name, kind } = block;
      return { start: { type: 'tool-call', id, name, kind, ...carryOf(block) }, text: block.arguments };
    }
    case 'refusal':
      return { start: { type: 'refusal' }, text: block.text };
    case 'image':
      return block.source.kind === 'base64'
        ? { start: { type: 'image', mimeType: block.source.mimeType, data: block.source.data }, text: '' }
        : undefined;
    case 'opaque':
      return { start: { type: 'opaque', protocol: block.protocol, raw: block.raw }, text: '' };
    // Only requests have these.
    case 'document':
    case 'audio':
    case 'video':
    case 'tool-result':
      return undefined;
  }
}

function carryOf<T>({ carry }: { readonly carry?: T }): { readonly carry?: T } {
  return carry === undefined ? {} : { carry };
}
