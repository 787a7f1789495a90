/** How a Messages conversation begins: its tools, its instructions, and its first turn. In this protocol nobody names a conversation. */
import type { ScannedBody } from '../../../core/body.ts';
import { leadingElements } from '../../../wire/json-scan.ts';
import type { Opening } from '../contract.ts';

/** It moves on with the turns, and what is kept does not hang on it. */
const marker = /\s*,?\s*"cache_control"\s*:\s*\{[^{}]*\}/g;

export function openingOf(body: ScannedBody): Opening {
  const text = (name: string): string => {
    const span = body.fields.get(name);
    return span === undefined ? '' : body.latin1.slice(span.start, span.end);
  };
  const [first = ''] = leadingElements(body, 'messages', 1);
  return { prefix: text('tools') + text('system'), first: first.replace(marker, '') };
}
