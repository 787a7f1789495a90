/** Batches and results to try the shapes with. */
import assert from 'node:assert/strict';
import type { Batch } from '../../src/batch/contract.ts';
import { nothingDone } from '../../src/batch/nothing-done.ts';
import type { FinalItem, Provenance } from '../../src/batch/shape/contract.ts';
import { GatewayError } from '../../src/core/errors.ts';

/** What may be a custom_id and is rarely thought of. */
export const hostileIds: readonly string[] = [
  'a"b',
  'a\\b',
  'a\nb\r\t',
  '🙂',
  '__proto__',
  'constructor',
  '\u2028\u2029',
  '\u007f\u0001',
  '{"custom_id":"x"}',
  ' ',
  '0',
  'null',
  'é'.repeat(512),
];

export function batchOf(changes: Partial<Batch> = {}): Batch {
  const createdAtMs = 1_800_000_000_000;
  return {
    id: 'batch_1',
    no: 1,
    owner: '',
    shape: 'openai',
    endpoint: '/v1/chat/completions',
    inputBlob: '',
    inputBytes: 0,
    windowMs: 86_400_000,
    metadata: {},
    tags: [],
    priority: 'normal',
    state: 'running',
    ...nothingDone,
    createdAtMs,
    deadlineAtMs: createdAtMs + 86_400_000,
    ...changes,
  };
}

export function doneItem(
  batch: Batch,
  customId: string,
  body: string,
  changes: Partial<Provenance> = {},
): FinalItem {
  const provenance: Provenance = {
    target: 'openai/gpt-4.1-mini@batch',
    attempts: 2,
    submission: 's00000000001',
    promptHash: 'h',
    costNanoUsd: 1,
    listNanoUsd: 1_500_000_000,
    ...changes,
  };
  return { kind: 'done', batch, customId, seq: 3, body, provenance };
}

export function failedItem(
  batch: Batch,
  customId: string,
  kind: Exclude<FinalItem['kind'], 'done'>,
): FinalItem {
  const error = { code: 'invalid_request', message: 'Not "so".', status: 400, upstream: 'no' } as const;
  return { kind, batch, customId, seq: 3, error };
}

export function refusal(run: () => unknown): GatewayError {
  try {
    run();
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError, String(thrown));
    return thrown;
  }
  assert.fail('it was not refused');
}
