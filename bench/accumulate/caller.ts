/** Apps that ask one request at a time and come back for the answers. */
import { Pool } from 'undici';
import { z } from 'zod';
import { ask, bodyOf } from './traffic.ts';

/** Requests on the way at once. */
const atOnce = 48;

const kept = z.object({ id: z.string() });
const chat = z.object({ choices: z.tuple([z.object({ message: z.object({ content: z.string() }) })]) });
const message = z.object({ content: z.tuple([z.object({ text: z.string() })]) });

/** Sends them spread over `overMs`; their ids, in the order of their numbers. */
export async function sendAll(url: string, count: number, overMs: number): Promise<readonly string[]> {
  const pool = new Pool(url, { connections: atOnce });
  const ids: string[] = [];
  const began = performance.now();
  await eachOf(count, async (index) => {
    const dueMs = (index / count) * overMs - (performance.now() - began);
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    const asked = ask(index);
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: asked.path,
      headers: { 'content-type': 'application/json', prefer: 'respond-async', ...asked.headers },
      body: JSON.stringify(bodyOf(asked)),
    });
    const text = await body.text();
    if (statusCode !== 202) throw new Error(`Request ${index}: ${statusCode} ${text}`);
    ids[index] = kept.parse(JSON.parse(text)).id;
  });
  await pool.close();
  return ids;
}

export interface Fetched {
  /** Answered by a target of a batch API. */
  readonly batched: number;
  /** Not 200, or not what was asked. */
  readonly wrong: readonly string[];
}

/** Fetches all answers, and holds each against what was asked. */
export async function fetchAll(url: string, ids: readonly string[]): Promise<Fetched> {
  const pool = new Pool(url, { connections: atOnce });
  let batched = 0;
  const wrong: string[] = [];
  await eachOf(ids.length, async (index) => {
    const { statusCode, headers, body } = await pool.request({
      method: 'GET',
      path: `/v1/requests/${ids[index]}`,
    });
    const text = await body.text();
    const { path, answer } = ask(index);
    if (statusCode !== 200 || textOf(path, text) !== answer) wrong.push(`${index}: ${statusCode} ${text}`);
    if (String(headers['x-intermodal-target']).endsWith('@batch')) batched += 1;
  });
  await pool.close();
  return { batched, wrong };
}

function textOf(path: string, text: string): string | undefined {
  const body: unknown = JSON.parse(text);
  return path === '/v1/messages'
    ? message.safeParse(body).data?.content[0].text
    : chat.safeParse(body).data?.choices[0].message.content;
}

async function eachOf(count: number, one: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
