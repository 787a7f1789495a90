/** A gateway, its store and its callers, for proofs of the queue. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Priority } from '../../src/core/facts.ts';
import type { QueuedRequest } from '../../src/queue/contract.ts';
import { openStores } from '../../src/stores/open.ts';
import type { Program } from '../fleet/program.ts';

export const model = 'gpt-4.1-nano';

export interface SceneOptions {
  readonly folder: string;
  readonly simulator: Program;
  /** Of the simulator's instances: proofs do not share their limits and bills. */
  readonly provider: string;
  /** YAML beside providers and routes. */
  readonly yaml: string;
}

export interface Scene {
  readonly configFile: string;
  readonly storeFile: string;
}

export function writeScene({ folder, simulator, provider, yaml }: SceneOptions): Scene {
  const configFile = join(folder, `${provider}.yaml`);
  writeFileSync(
    configFile,
    `server: { log: error }
providers:
  ${provider}: { type: openai, api_key: sk-test, base_url: "${simulator.url}/~${provider}/v1" }
routes:
  ask: { chain: ["${provider}/${model}"] }
${yaml}
`,
  );
  return { configFile, storeFile: join(folder, `${provider}.db`) };
}

export const openScene = ({ storeFile }: Scene) => openStores(storeFile);

/** What a caller sends; `note` is put on the simulator's bill, and must be in the answer. */
export interface Ask {
  readonly note: string;
  readonly priority: Priority;
}

/** The id under which it is kept; nothing where nobody answered. Asked again with the same note, it is kept once. */
export async function keep(url: string, { note, priority }: Ask): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        prefer: 'respond-async',
        'idempotency-key': note,
        'x-intermodal-deadline': '50m',
        'x-intermodal-priority': priority,
      },
      body: JSON.stringify({
        model: 'ask',
        max_tokens: 60,
        messages: [{ role: 'user', content: `[[echo]] [[note:${note}]] say ${note}.` }],
      }),
    });
    const text = await response.text();
    if (response.status !== 202) throw new Error(`${response.status}: ${text.slice(0, 500)}`);
    const { id }: { id: string } = JSON.parse(text);
    return id;
  } catch (thrown) {
    // It was killed, or has not begun: the caller cannot know whether it was kept.
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}

/** Why an answer is not that of the question; nothing where it is. */
export function faultOf({ note }: Ask, { state, answer }: QueuedRequest): string | undefined {
  if (state !== 'answered' || answer === undefined)
    return `${note} is ${state}: ${answer?.body.slice(0, 200)}`;
  if (answer.status !== 200 || !answer.body.includes(`say ${note}.`))
    return `${note} has another answer: ${answer.body.slice(0, 200)}`;
  return undefined;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
