/**
 * A rough count of tokens before anybody has tokenised anything: four bytes of text a token, and flat numbers for media. It
 * decides which windows to skip, not what is billed; erring low only costs a provider's own refusal.
 */
import type { Block } from './content.ts';
import type { ChatRequest } from './request.ts';

export const bytesPerToken = 4;
/** About what a 1024 x 1024 image costs at OpenAI (765), Anthropic (1,398) and Gemini (258 a tile). */
const imageTokens = 1_000;
/** A page of PDF: text and picture. */
const pageTokens = 2_000;
const pageBytes = 60_000;
/** Providers count 25 to 32 tokens a second; base64 of compressed speech is about 20 kB a second. */
const audioTokensPerByte = 32 / 20_000;

/** Tokens of a text. */
export type CountText = (text: string) => number;

const roughly: CountText = (text) => text.length / bytesPerToken;

/** `count` is a tokenizer where there is one; media stay flat numbers, which no tokenizer of text can better. */
export function estimateTokens(request: ChatRequest, count: CountText = roughly): number {
  let tokens = 0;
  for (const block of request.system) tokens += count(block.text);
  for (const message of request.messages)
    for (const block of message.blocks) tokens += blockTokens(block, count) + 1;
  for (const tool of request.tools) tokens += count(JSON.stringify(tool));
  return Math.ceil(tokens);
}

function blockTokens(block: Block, count: CountText): number {
  switch (block.type) {
    case 'text':
    case 'reasoning':
    case 'refusal':
      return count(block.text);
    case 'image':
      return imageTokens;
    case 'document': {
      if (block.source.kind !== 'base64') return pageTokens;
      const isText = block.source.mimeType.startsWith('text/');
      const bytes = block.source.data.length * 0.75;
      return isText ? bytes / bytesPerToken : Math.max(1, bytes / pageBytes) * pageTokens;
    }
    case 'audio':
    case 'video':
      return block.source.kind === 'base64' ? block.source.data.length * audioTokensPerByte : pageTokens;
    case 'tool-call':
      return count(block.name) + count(block.arguments);
    case 'tool-result':
      return block.blocks.reduce((sum, inner) => sum + blockTokens(inner, count), 0);
    case 'opaque':
      return count(JSON.stringify(block.raw));
  }
}
