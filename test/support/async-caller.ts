/** Callers that need not wait for their answers, and what they read of what comes. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import type { Road } from './road.ts';

export const yaml = `
waiting: { batch_items: 4, batch_age: 300ms, least_items: 2 }
routes:
  cheap: { chain: [openai/gpt-4.1-nano] }
  claude: { chain: [anthropic/claude-haiku-4-5@batch, anthropic/claude-haiku-4-5] }
  vectors: { chain: [openai/text-embedding-3-small] }
  batches: { chain: [openai/gpt-4.1-nano@batch] }
  failing: { chain: [second/gpt-4.1-nano@batch] }
  single: { chain: [local/some-model] }
  lone: { chain: [openai/gpt-4.1-nano], waiting: { least_items: 1 } }
`;
export const faults = { batches: [{ provider: 'second', item_invalid: 100 }] };
export const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const batch = { webhooks: { secret, allow_private: true } };

export const stateSchema = z.object({
  id: z.string().regex(/^areq_/),
  object: z.literal('request'),
  status: z.string(),
  way: z.string(),
  created_at: z.int(),
  deadline_at: z.int(),
});
const chatSchema = z.object({
  object: z.literal('chat.completion'),
  choices: z.tuple([z.object({ message: z.object({ content: z.string() }) })]),
});
export const openaiError = z.object({
  error: z.object({ message: z.string(), code: z.string().nullable() }),
});
export const anthropicError = z.object({ type: z.literal('error'), error: z.object({ type: z.string() }) });

export type Headers = Readonly<Record<string, string>>;
export const wish: Headers = { prefer: 'respond-async' };
export const chat = (text: string, model = 'cheap', more: object = {}) => ({
  model,
  max_tokens: 50,
  messages: [{ role: 'user' as const, content: `[[echo]] ${text}` }],
  ...more,
});

/** A caller of one gateway. */
export function callerOf(road: () => Road, own: Headers = {}) {
  const send = (path: string, body: object, headers: Headers = {}): Promise<Response> =>
    fetch(`${road().url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...wish, ...own, ...headers },
      body: JSON.stringify(body),
    });
  const about = (id: string, method = 'GET', headers: Headers = {}): Promise<Response> =>
    fetch(`${road().url}/v1/requests/${id}`, { method, headers: { ...own, ...headers } });
  return {
    send,
    about,
    async keep(body: object, headers: Headers = {}, path = '/v1/chat/completions') {
      const response = await send(path, body, headers);
      const text = await response.text();
      assert.equal(response.status, 202, text);
      return stateSchema.parse(JSON.parse(text));
    },
    ended: (id: string): Promise<Response> =>
      road().until(`${id} has ended`, async () => {
        const response = await about(id);
        if (response.status !== 202) return response;
        await response.arrayBuffer();
        return false;
      }),
  };
}

export async function textOf(response: Response): Promise<string> {
  return chatSchema.parse(await response.json()).choices[0].message.content;
}
