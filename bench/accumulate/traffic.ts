/** What apps ask one request at a time: mostly work that has a day, some that has hours, a little that should not be in a batch at all. */

export interface Asked {
  readonly path: '/v1/chat/completions' | '/v1/messages';
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the stand-in for the model answers. */
  readonly answer: string;
}

const filler = 'The parcel left the harbour by ship, went on by rail, and came by truck in the end. '.repeat(
  5,
);

/** Of a thousand requests, by their number. */
export function ask(index: number): Asked {
  const of = (index * 7919) % 1000;
  const chat = { path: '/v1/chat/completions' as const, model: 'cheap', answer: answerOf(index) };
  if (of < 720) return { ...chat, headers: {} };
  if (of < 870)
    return { ...chat, path: '/v1/messages', model: 'claude', headers: { 'x-intermodal-deadline': '12h' } };
  if (of < 990) return { ...chat, headers: { 'x-intermodal-deadline': `${1 + (index % 8)}h` } };
  // Nobody else has the tag: a group of one.
  if (of < 995) return { ...chat, headers: { 'x-intermodal-tags': `user-${index}` } };
  if (of < 998) return { ...chat, headers: { 'x-intermodal-priority': 'high' } };
  return { ...chat, headers: { 'x-intermodal-deadline': '10m' } };
}

/** No two alike: equal requests of a batch are asked once, which would flatter it. */
function answerOf(index: number): string {
  return `${index} ${filler}`.trim();
}

export function bodyOf({ model, answer }: Asked): object {
  return { model, max_tokens: 400, messages: [{ role: 'user', content: `[[echo]] ${answer}` }] };
}
