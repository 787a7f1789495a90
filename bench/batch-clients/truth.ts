/**
 * What a sync call of the same body, through the same gateway onto the same provider, answers. Compared as compact JSON, members in their order, but for what
 * no two calls share (the answer's id, its time, ids of tool calls that are made up on the way) and Anthropic's `service_tier`, which says that it was a batch.
 */
import type { World } from './world.ts';

/** By path and body; no answer changes within a run. */
const known = new Map<string, Promise<string>>();

export function truth(world: World, path: string, body: object): Promise<string> {
  const text = JSON.stringify(body);
  const key = `${world.url}${path}\n${text}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const asked = ask(world, path, text);
  known.set(key, asked);
  return asked;
}

async function ask(world: World, path: string, body: string): Promise<string> {
  const response = await fetch(`${world.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${world.key}`,
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
    },
    body,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`The sync call of ${body.slice(0, 200)} was refused: ${text}`);
  return comparable(JSON.parse(text));
}

export function comparable(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return JSON.stringify(answer);
  const { id: _id, created: _created, ...rest }: { id?: unknown; created?: unknown } = answer;
  return JSON.stringify(rest)
    .replace(/"id":"call_[^"]*"/g, '"id":"call"')
    .replace(/"service_tier":"(?:standard|batch)"/, '"service_tier":"any"');
}

/** All that a job says of an answer: its text, why it ended, what it used. */
export function essence(comparableAnswer: string): string {
  const { choices, usage } = JSON.parse(comparableAnswer);
  if (choices === undefined) return comparableAnswer;
  const [{ message, finish_reason }] = choices;
  return JSON.stringify([message.content, finish_reason, usage.prompt_tokens, usage.completion_tokens]);
}
