/**
 * Where opaque carries travel in a protocol that has no place for them: in extension fields that clients who send our message
 * back as it came return to us. `thinking_blocks` is LiteLLM's name, `extra_content.google` is Google's own.
 */
import type { Carry, ReasoningBlock } from '../../../../core/content.ts';

export function thinkingBlock(block: Pick<ReasoningBlock, 'text' | 'redacted' | 'carry'>): object {
  const { carry } = block;
  if (block.redacted === true) return { type: 'redacted_thinking', data: carry?.payload ?? '' };
  const family = carry === undefined || carry.family === 'anthropic' ? {} : { family: carry.family };
  return {
    type: 'thinking',
    thinking: block.text,
    ...(carry === undefined ? {} : { signature: carry.payload }),
    ...family,
  };
}

export function callExtension(carry: Carry | undefined): {
  extra_content?: { google: { thought_signature: string } };
} {
  return carry?.family === 'gemini'
    ? { extra_content: { google: { thought_signature: carry.payload } } }
    : {};
}
