/** Batches of many items, submitted by callers that try again, and what came of every item. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, look, results, upload } from '../road/caller.ts';
import { type Balancer, pause } from './balancer.ts';

export interface Submitted {
  readonly id: string;
  readonly token: string;
  readonly items: number;
}

const finals = ['completed', 'failed', 'expired', 'cancelled'];

/** Durable when it resolves; the same idempotency key for each try. */
export async function submit(
  balancer: Balancer,
  folder: string,
  token: string,
  items: number,
): Promise<Submitted> {
  const path = join(folder, `${token}.jsonl`);
  const lines = Array.from({ length: items }, (_, index) =>
    JSON.stringify({
      custom_id: `${token}-${index}`,
      method: 'POST',
      url: '/v1/chat/completions',
      body: {
        model: 'nightly',
        max_tokens: 50,
        messages: [
          { role: 'user', content: `[[echo]] [[note:${token}-${index}]] number ${token}-${index}.` },
        ],
      },
    }),
  );
  writeFileSync(path, `${lines.join('\n')}\n`);
  const fileId = await balancer.insist(`upload of ${token}`, (url) => upload(url, path));
  const key = createHash('sha256').update(token).digest('hex');
  const batch = await balancer.insist(`creation of ${token}`, (url) => create(url, fileId, {}, key));
  return { id: batch.id, token, items };
}

export type Looked = Awaited<ReturnType<typeof look>>;

/** Looks until it has ended; undefined where it has not within the time. */
export async function ended(
  balancer: Balancer,
  { id }: Submitted,
  latestMs: number,
): Promise<Looked | undefined> {
  for (;;) {
    const batch = await balancer.insist(`look at ${id}`, (url) => look(url, id));
    if (finals.includes(batch.status)) return batch;
    if (performance.now() > latestMs) return undefined;
    await pause(500);
  }
}

export interface Outcome {
  readonly answered: number;
  /** With a reason of their own. */
  readonly failed: number;
  readonly problems: readonly string[];
}

/** Every item once, with the answer that belongs to it. */
export async function judge(
  balancer: Balancer,
  batch: Looked,
  { token, items }: Submitted,
): Promise<Outcome> {
  const seen = new Set<string>();
  const problems: string[] = [];
  let answered = 0;
  let failed = 0;
  for (const file of [batch.output_file_id, batch.error_file_id]) {
    const lines = await balancer.insist(`results of ${token}`, async (url) => {
      const found = [];
      for await (const line of results(url, file)) found.push(line);
      return found;
    });
    for (const line of lines) {
      if (seen.has(line.custom_id)) problems.push(`${line.custom_id} came twice`);
      seen.add(line.custom_id);
      if (line.response?.status_code !== 200) {
        failed += 1;
        continue;
      }
      answered += 1;
      if (!JSON.stringify(line.response.body).includes(`number ${line.custom_id}.`))
        problems.push(`${line.custom_id} has the answer of another`);
    }
  }
  if (seen.size !== items) problems.push(`${token}: ${seen.size} of ${items} items came back`);
  return { answered, failed, problems };
}
