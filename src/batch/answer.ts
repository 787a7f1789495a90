/** Reads one answer of a provider for one item: its text in the caller's dialect, what it used, whether it has the form that was asked for. */
import { type Answer, createFold, type EmbeddingAnswer } from '../core/answer.ts';
import { GatewayError } from '../core/errors.ts';
import { costOf, listCostOf } from '../core/price.ts';
import type { Usage } from '../core/usage.ts';
import { checkForm } from '../form/answer-form.ts';
import type { Target } from '../router/contract.ts';
import type { Batch, BatchShape, Item, ItemCall, Lane } from './contract.ts';
import type { LocalBlob } from './local-blob.ts';

export interface ReadAnswer {
  /** JSON text in the caller's dialect. */
  readonly body: string;
  readonly usage: Usage | undefined;
  readonly costNanoUsd: number;
  readonly listNanoUsd: number;
  readonly repaired: boolean;
  /** Why it has not the form that was asked for. */
  readonly wrongForm?: string;
}

export interface Reading {
  readonly batch: Batch;
  readonly lane: Lane;
  readonly shape: BatchShape;
  readonly target: Target;
  readonly input: LocalBlob;
  readonly nowMs: number;
}

/** Throws `GatewayError` where the body is no answer. */
export function readAnswer(reading: Reading, item: Item, body: unknown): ReadAnswer {
  if (isRelayed(reading)) return readRelayed(reading, body);
  const { lane, target } = reading;
  const answer = lane.operation === 'embedding' ? readEmbedding(target, body) : readChat(target, body);
  const money = moneyOf(target, answer.usage);
  const call = callOf(reading, item);
  // A form that the target does not know was asked for in another way, and must be read out of the answer.
  const relayed =
    speaksTheSame(reading) && target.chat !== undefined && call.prepare(target.chat, false).relay;
  const checked = lane.checked && 'choices' in answer ? checkForm(answer, call.format()) : undefined;
  const mended = checked?.answer;
  // What has its form already goes as it came, with all that its protocol has and we do not know.
  const told = relayed && mended === undefined ? body : call.encodeAnswer(mended ?? answer);
  return {
    ...money,
    body: JSON.stringify(told),
    repaired: mended !== undefined,
    ...(checked?.message === undefined ? {} : { wrongForm: checked.message }),
  };
}

/** As `readAnswer`, where `isRelayed` has said so. */
export function readRelayed({ lane, target }: Reading, body: unknown): ReadAnswer {
  const { usage } = lane.operation === 'embedding' ? readEmbedding(target, body) : readChat(target, body);
  return { ...moneyOf(target, usage), body: JSON.stringify(body), repaired: false };
}

function moneyOf({ price, listPrice }: Target, usage: Usage | undefined) {
  if (usage === undefined) return { usage, costNanoUsd: 0, listNanoUsd: 0 };
  const costNanoUsd = price === undefined ? 0 : costOf(price, usage);
  if (listPrice === undefined) return { usage, costNanoUsd, listNanoUsd: 0 };
  return {
    usage,
    costNanoUsd,
    listNanoUsd: listPrice === price ? costNanoUsd : listCostOf(listPrice, usage),
  };
}

/** The caller speaks the target's own protocol, and nothing in the answer needs to be looked at. */
export function isRelayed(reading: Pick<Reading, 'lane' | 'target' | 'shape'>): boolean {
  return !reading.lane.checked && speaksTheSame(reading);
}

function speaksTheSame({ lane, target, shape }: Pick<Reading, 'lane' | 'target' | 'shape'>): boolean {
  const endpoint = lane.operation === 'embedding' ? target.embeddings : target.chat;
  return endpoint !== undefined && shape.protocols.includes(endpoint.protocol);
}

function callOf({ shape, batch, input, nowMs }: Reading, item: Item): ItemCall {
  const line = shape.readLine(input.read(item.at, item.bytes), batch);
  return shape.call(line, { id: `${batch.id}:${item.seq}`, batch, nowMs });
}

function readChat({ chat, name }: Target, body: unknown): Answer {
  if (chat === undefined) throw new GatewayError('internal', `${name} cannot chat.`);
  const fold = createFold();
  chat.readAnswer(body, fold.add);
  return fold.answer();
}

function readEmbedding({ embeddings, name }: Target, body: unknown): EmbeddingAnswer {
  if (embeddings === undefined) throw new GatewayError('internal', `${name} cannot embed.`);
  return embeddings.readAnswer(body);
}
