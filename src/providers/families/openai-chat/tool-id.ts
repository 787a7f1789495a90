/**
 * Tool call ids that the server takes. The same id maps to the same id in every turn, so that calls and results keep
 * meeting and caches stay warm.
 */
import { createHash } from 'node:crypto';
import type { ChatTraits } from './traits.ts';

/** OpenAI's older models and Azure refuse ids of over 40 characters, newer ones of over 64. */
const longestId = 40;

export function toolId(id: string, traits: Pick<ChatTraits, 'toolIds'>): string {
  if (traits.toolIds === 'short') return /^[A-Za-z0-9]{9}$/.test(id) ? id : hash(id, 9);
  return id.length <= longestId ? id : `${id.slice(0, longestId - 17)}_${hash(id, 16)}`;
}

/** For a call that came without an id: the same call of the same answer gets the same one, and no two calls of a conversation do. */
export function madeToolId(answer: string, choice: number, position: number): string {
  return `call_${hash(`${answer}/${choice}/${position}`, 24)}`;
}

export function hash(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}
