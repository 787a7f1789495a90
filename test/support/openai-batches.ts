/** What callers of files and batches by the OpenAI SDK send, and how they are refused. */
import assert from 'node:assert/strict';
import OpenAI, { toFile } from 'openai';

export const endpoint = '/v1/chat/completions';

export const line = (id: string, url = endpoint): string =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url,
    body: { model: 'assistant', messages: [{ role: 'user', content: 'hi' }] },
  });

export const upload = (text: string) => toFile(Buffer.from(text), 'input.jsonl');

export const openaiAt = (url: string, apiKey: string): OpenAI =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

export async function rejected(promise: Promise<unknown>, status: number, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.equal(error.status, status, error.message);
    assert.match(error.message, message);
    assert.match(error.requestID ?? '', /^req_/);
    return true;
  });
}
