/** How servers differ from OpenAI in telling their limits. A flavor without a row is read as OpenAI's headers are. Sources: Groq's page on rate limits and answers recorded from Mistral, November 2026. */
import { createLimitReader, dayMs, type LimitReader, plainLimits } from '../families/openai-chat/limits.ts';
import type { Flavor } from './flavors.ts';

const plain = createLimitReader();

const readers: Partial<Readonly<Record<Flavor, LimitReader>>> = {
  // Requests by the day, tokens by the minute, under names that do not say so.
  groq: createLimitReader({ ...plainLimits, requestsPeriodMs: dayMs }),
  mistral: createLimitReader({ ...plainLimits, requests: 'req-minute', tokens: 'tokens-minute' }),
};

export function limitReaderOf(flavor: Flavor): LimitReader {
  return readers[flavor] ?? plain;
}
