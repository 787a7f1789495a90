/**
 * OpenRouter's `reasoning_details`: what the model behind it signed or encrypted, in pieces. They must come back whole and in order, so
 * that pieces of the same detail are joined again.
 */
import type { Carry } from '../../../core/content.ts';
import { asString, isObject } from '../../../core/json.ts';

type Detail = Record<string, unknown>;

/** Signed thoughts of one answer reach some hundred kilobytes; above this nothing is carried, since half a carry is worse than none. */
const maxCharacters = 8_000_000;

export interface ReasoningDetails {
  add(list: readonly unknown[]): void;
  /** What came since it was last taken. Absent where nothing was signed or encrypted: plain text needs no carry. */
  take(): Carry | undefined;
}

export function createReasoningDetails(): ReasoningDetails {
  let details: Detail[] = [];
  let characters = 0;

  function add(list: readonly unknown[]): void {
    for (const piece of list) {
      if (!isObject(piece)) continue;
      for (const field of grown) characters += asString(piece[field])?.length ?? 0;
      if (characters > maxCharacters) return;
      const last = details.at(-1);
      if (last !== undefined && isSame(last, piece)) join(last, piece);
      else details.push({ ...piece });
    }
  }

  function take(): Carry | undefined {
    if (characters > maxCharacters || !details.some(isBound)) return undefined;
    const payload = JSON.stringify(details);
    details = [];
    return { family: 'openai', payload };
  }

  return { add, take };
}

/** Fields that come in pieces. Encrypted data comes whole. */
const grown = ['text', 'summary'] as const;

function isSame(last: Detail, piece: Readonly<Record<string, unknown>>): boolean {
  if (last['type'] !== piece['type'] || asString(last['data']) !== undefined) return false;
  return (
    last['index'] === piece['index'] &&
    (piece['id'] == null || last['id'] == null || last['id'] === piece['id'])
  );
}

function join(last: Detail, piece: Readonly<Record<string, unknown>>): void {
  for (const [field, value] of Object.entries(piece)) {
    const before = last[field];
    if (field === 'text' || field === 'summary')
      last[field] = (asString(before) ?? '') + (asString(value) ?? '');
    else if (before === undefined || before === null || before === '') last[field] = value;
  }
}

function isBound(detail: Detail): boolean {
  return (asString(detail['data']) ?? '') !== '' || (asString(detail['signature']) ?? '') !== '';
}
