/** A gateway that is sent files as nobody should write them, and what its batches made of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './batch-road.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';

const yaml = `
providers:
  openai: { type: openai, api_key: k, base_url: "http://127.0.0.1:\${SIMULATOR_PORT}/~openai/v1" }
routes:
  chat: { chain: [openai/gpt-4.1-nano@batch] }
  vectors: { chain: [openai/text-embedding-3-small@batch] }
batch: { poll: [20ms], retry: [10ms] }
`;
export const endpoint = '/v1/chat/completions';
const faults = { batches: [{ duration_ms: 10 }] };

export type Bytes = string | Uint8Array;
export const bodyOf = (content: string, more: object = {}) => ({
  model: 'chat',
  messages: [{ role: 'user', content }],
  ...more,
});
export const lineOf = (id: unknown, more: object = {}): string =>
  JSON.stringify({ custom_id: id, method: 'POST', url: endpoint, body: bodyOf(`ask ${id}`), ...more });

interface Problem {
  readonly line: number | null;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
}
interface BatchView {
  readonly id: string;
  readonly status: string;
  readonly errors: { readonly data: readonly Problem[] } | null;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly request_counts: { readonly total: number; readonly completed: number; readonly failed: number };
}
interface ResultLine {
  readonly custom_id: string;
  readonly response: {
    readonly status_code: number;
    readonly body: { readonly error?: { readonly message: string } };
  } | null;
  readonly intermodal: { readonly line?: number; readonly outcome?: string };
}

interface Came {
  readonly batch: BatchView;
  readonly problems: readonly Problem[];
  /** custom_ids of what was answered, in the order of the file. */
  readonly answered: readonly string[];
  readonly failed: readonly ResultLine[];
  /** Items that the provider has billed, which is all that reached it. */
  readonly sent: number;
}

export interface BadInput {
  readonly gateway: TestGateway;
  upload(parts: AsyncIterable<Bytes> | readonly Bytes[]): Promise<string>;
  /** What came of a file. */
  run(parts: AsyncIterable<Bytes> | readonly Bytes[]): Promise<Came>;
  cameOf(batch: BatchView): Promise<Came>;
  /** Nothing is billed yet. */
  forget(): Promise<unknown>;
  close(): Promise<void>;
}

export async function startBadInput(): Promise<BadInput> {
  const folder = mkdtempSync(join(tmpdir(), 'intermodal-bad-'));
  const gateway = await startTestGateway({ yaml, faults, blobs: join(folder, 'blobs') });

  async function upload(parts: AsyncIterable<Bytes> | readonly Bytes[]): Promise<string> {
    const boundary = 'intermodal-bad-input';
    async function* form(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n`,
      );
      for await (const part of parts) yield Buffer.from(part);
      yield Buffer.from(`\r\n--${boundary}--\r\n`);
    }
    const answer = await fetch(`${gateway.url}/v1/files`, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: ReadableStream.from(form()),
      duplex: 'half',
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return JSON.parse(text).id;
  }

  async function create(body: object): Promise<BatchView> {
    const answer = await fetch(`${gateway.url}/v1/batches`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ endpoint, completion_window: '24h', ...body }),
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return JSON.parse(text);
  }

  const ended = (id: string): Promise<BatchView> =>
    until(
      async () => JSON.parse(await (await fetch(`${gateway.url}/v1/batches/${id}`)).text()),
      ({ status }) => ['completed', 'failed'].includes(status),
    );

  async function read(fileId: string | null): Promise<readonly ResultLine[]> {
    if (fileId === null) return [];
    const text = await (await fetch(`${gateway.url}/v1/files/${fileId}/content`)).text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  async function run(parts: AsyncIterable<Bytes> | readonly Bytes[]): Promise<Came> {
    return cameOf(await create({ input_file_id: await upload(parts) }));
  }

  async function cameOf({ id }: BatchView): Promise<Came> {
    const batch = await ended(id);
    const output = await read(batch.output_file_id);
    return {
      batch,
      problems: batch.errors?.data ?? [],
      answered: output.map((line) => line.custom_id),
      failed: await read(batch.error_file_id),
      sent: gateway.simulator.invoice(0).calls,
    };
  }

  return {
    gateway,
    upload,
    run,
    cameOf,
    forget: () => fetch(`${gateway.simulator.url}/~simulator/invoice`, { method: 'DELETE' }),
    async close() {
      await gateway.close();
      rmSync(folder, { recursive: true });
    },
  };
}
