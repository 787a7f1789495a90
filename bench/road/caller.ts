/** A caller of the batch endpoints, by plain HTTP: files from disk, never in memory. */
import { openAsBlob } from 'node:fs';

export interface BatchView {
  readonly id: string;
  readonly status: string;
  readonly output_file_id?: string | null;
  readonly error_file_id?: string | null;
  readonly request_counts: { readonly total: number; readonly completed: number; readonly failed: number };
  readonly created_at: number;
  readonly errors?: { readonly data: readonly { readonly message: string }[] } | null;
  readonly intermodal: Readonly<Record<string, number>>;
}

const ended = ['completed', 'failed', 'expired', 'cancelled'];

export async function upload(url: string, path: string): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', await openAsBlob(path), 'items.jsonl');
  const file = await json<{ id: string }>(await fetch(`${url}/v1/files`, { method: 'POST', body: form }));
  return file.id;
}

export async function create(
  url: string,
  fileId: string,
  fields: object = {},
  idempotencyKey?: string,
): Promise<BatchView> {
  const body = JSON.stringify({
    input_file_id: fileId,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    ...fields,
  });
  const headers = {
    'content-type': 'application/json',
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  };
  return json<BatchView>(await fetch(`${url}/v1/batches`, { method: 'POST', headers, body }));
}

export async function look(url: string, id: string): Promise<BatchView> {
  return json<BatchView>(await fetch(`${url}/v1/batches/${id}`));
}

/** Looks until `done` says so, or the batch has ended; throws after `withinMs`. */
export async function until(
  url: string,
  id: string,
  withinMs: number,
  done: (batch: BatchView) => boolean = () => false,
): Promise<BatchView> {
  const latest = performance.now() + withinMs;
  for (;;) {
    const batch = await look(url, id);
    if (done(batch) || ended.includes(batch.status)) return batch;
    if (performance.now() > latest)
      throw new Error(
        `${id} is ${batch.status} after ${withinMs} ms: ${JSON.stringify(batch.request_counts)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The lines of a file, parsed. */
export async function* results(url: string, fileId: string | null | undefined): AsyncGenerator<ResultLine> {
  if (fileId === null || fileId === undefined) return;
  const response = await fetch(`${url}/v1/files/${fileId}/content`);
  if (!response.ok || response.body === null) throw new Error(`${fileId}: ${response.status}`);
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line);
  }
  if (rest !== '') yield JSON.parse(rest);
}

export interface ResultLine {
  readonly custom_id: string;
  readonly response: {
    readonly status_code: number;
    readonly body: Readonly<Record<string, unknown>>;
  } | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly intermodal: Readonly<Record<string, unknown>>;
}

async function json<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text);
}
