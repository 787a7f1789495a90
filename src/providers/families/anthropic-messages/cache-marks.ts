/**
 * Prompt-cache markers within Anthropic's rules: at most four a request, and no one-hour mark behind a five-minute one, in the order tools,
 * system, messages. Markers are hints, so what breaks a rule goes silently.
 */
import type { MessageParam, TextBlockParam, Tool } from '@anthropic-ai/sdk/resources/messages';
import type { CacheMark } from '../../../core/content.ts';

const mostMarks = 4;

interface Markable {
  cache_control?: { type: 'ephemeral'; ttl?: '5m' | '1h' } | null;
}

export function cacheControl(mark: CacheMark | undefined): {
  cache_control?: { type: 'ephemeral'; ttl?: '5m' | '1h' };
} {
  return mark === undefined
    ? {}
    : { cache_control: { type: 'ephemeral', ...(mark.ttl === undefined ? {} : { ttl: mark.ttl }) } };
}

/** Changes the body's own blocks, which the encoder has just made. */
export function limitCacheMarks(
  tools: readonly Tool[],
  system: string | readonly TextBlockParam[] | undefined,
  messages: readonly MessageParam[],
): void {
  const front = [...tools, ...(Array.isArray(system) ? system : [])].filter(isMarked);
  const back = messages.flatMap(blocksOf).filter(isMarked);
  // The last mark covers all that stands before it; the ones in the conversation's middle are worth least.
  const leastWorthFirst = [...back.slice(0, -1), ...front, ...back.slice(-1)];
  for (const block of leastWorthFirst.slice(0, Math.max(0, leastWorthFirst.length - mostMarks)))
    delete block.cache_control;
  let short = false;
  for (const { cache_control: control } of [...front, ...back]) {
    if (!control) continue;
    if (control.ttl !== '1h') short = true;
    // Five minutes cost less to write than an hour; a wrong guess is a cache miss, not a bill.
    else if (short) control.ttl = '5m';
  }
}

function blocksOf(message: MessageParam): Markable[] {
  if (typeof message.content === 'string') return [];
  return message.content.flatMap((block): Markable[] => {
    const own: Markable[] = 'cache_control' in block ? [block] : [];
    return block.type === 'tool_result' && Array.isArray(block.content)
      ? [...block.content.filter((inner) => 'cache_control' in inner), ...own]
      : own;
  });
}

function isMarked(block: Markable): boolean {
  return block.cache_control !== undefined && block.cache_control !== null;
}
