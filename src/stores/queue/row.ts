/** A request that waits as a row, and back. */
import { z } from 'zod';
import type { Webhook } from '../../batch/contract.ts';
import { present } from '../../core/present.ts';
import type { NewQueuedRequest, QueuedAnswer, QueuedRequest } from '../../queue/contract.ts';
import { storable } from '../ledger-row.ts';
import type { QueuedTable } from './tables.ts';

const textsSchema = z.record(z.string(), z.string());
const listSchema = z.array(z.string());
const webhookSchema = z.object({ url: z.string(), metadata: textsSchema.exactOptional() });

export function newRow(request: NewQueuedRequest): QueuedTable {
  return {
    id: request.id,
    owner: storable(request.owner),
    team: request.team === undefined ? null : storable(request.team),
    dialect: request.dialect,
    operation: request.operation,
    model: storable(request.model),
    route: storable(request.route),
    headers: JSON.stringify(request.headers),
    tags: JSON.stringify(request.tags),
    priority: request.priority,
    way: request.way,
    group_name: storable(request.group),
    input_tokens: request.inputTokens,
    body_bytes: request.body.length,
    webhook: request.webhook === undefined ? null : JSON.stringify(request.webhook),
    idempotency_key: request.idempotencyKey === undefined ? null : storable(request.idempotencyKey),
    state: 'waiting',
    live: 1,
    tries: 0,
    created_at_ms: request.createdAtMs,
    deadline_at_ms: request.deadlineAtMs,
    due_at_ms: request.dueAtMs,
    rank_ms: request.rankMs,
    held_until_ms: 0,
    fence: 0,
    flush: null,
    batch_no: null,
    batch_seq: null,
    ...noAnswer,
    cost_nano_usd: 0,
    ended_at_ms: null,
    told: 0,
  };
}

const noAnswer = { answer_status: null, answer_headers: null, answer_body: null };

export function answerColumns(answer: QueuedAnswer) {
  return {
    answer_status: answer.status,
    answer_headers: JSON.stringify(answer.headers),
    answer_body: storable(answer.body),
  };
}

export function readRow(row: QueuedTable, body: Uint8Array): QueuedRequest {
  return {
    id: row.id,
    owner: row.owner,
    dialect: row.dialect,
    operation: row.operation,
    model: row.model,
    route: row.route,
    // Postgres answers with a Buffer, SQLite without.
    body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength),
    headers: readTexts(row.headers),
    tags: readList(row.tags),
    priority: row.priority,
    way: row.way,
    group: row.group_name,
    inputTokens: row.input_tokens,
    state: row.state,
    tries: row.tries,
    createdAtMs: row.created_at_ms,
    deadlineAtMs: row.deadline_at_ms,
    dueAtMs: row.due_at_ms,
    rankMs: row.rank_ms,
    costNanoUsd: row.cost_nano_usd,
    ...present({
      team: row.team ?? undefined,
      webhook: row.webhook === null ? undefined : readWebhook(row.webhook),
      idempotencyKey: row.idempotency_key ?? undefined,
      flush: row.flush ?? undefined,
      batch: readPlace(row),
      answer: readAnswer(row),
      endedAtMs: row.ended_at_ms ?? undefined,
    }),
  };
}

function readPlace({ batch_no: no, batch_seq: seq }: QueuedTable): QueuedRequest['batch'] {
  return no === null || seq === null ? undefined : { no, seq };
}

function readAnswer(row: QueuedTable): QueuedAnswer | undefined {
  const { answer_status: status, answer_body: body, answer_headers: headers } = row;
  if (status === null || body === null || headers === null) return undefined;
  return { status, body, headers: readTexts(headers) };
}

function readTexts(text: string): Readonly<Record<string, string>> {
  return text === '{}' ? {} : textsSchema.parse(JSON.parse(text));
}

function readList(text: string): readonly string[] {
  return text === '[]' ? [] : listSchema.parse(JSON.parse(text));
}

function readWebhook(text: string): Webhook {
  return webhookSchema.parse(JSON.parse(text));
}
