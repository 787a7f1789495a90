/** Reads one answer of a provider for one item: its text in the caller's dialect, what it used, whether it has the form that was asked for. */
import { type Answer, createFold, type EmbeddingAnswer } from '../core/answer.ts';
import { GatewayError } from '../core/errors.ts';
import { costOf, listCostOf } from '../core/price.ts';
import type { Usage } from '../core/usage.ts';
import { checkForm } from '../form/answer.ts';
import type { Cascade } from '../router/cascade/contract.ts';
import type { Target } from '../router/chain/contract.ts';
import { askedIn } from './cascade/asked.ts';
import type { Batch, Item, Lane } from './contract.ts';
import type { LocalBlob } from './local-blob.ts';
import type { BatchShape, ItemCall } from './shape/contract.ts';

export interface ReadAnswer {
  /** JSON text in the caller's dialect. */
  readonly body: string;
  /** What it says, its form mended. */
  readonly answer: Answer | EmbeddingAnswer;
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
  /** Under which its answers are judged. */
  readonly cascade?: Cascade;
}

/** Throws `GatewayError` where the body is no answer. */
export function readAnswer(reading: Reading, item: Item, body: unknown): ReadAnswer {
  if (isRelayed(reading)) return readRelayed(reading, body);
  const { lane, target } = reading;
  const answer = lane.operation === 'embedding' ? readEmbedding(target, body) : readChat(target, body);
  const money = moneyOf(target, answer.usage);
  const call = askedIn(lane, callOf(reading, item), reading.cascade);
  // A form that the target does not know was asked for in another way, and must be read out of the answer.
  const relayed =
    speaksTheSame(reading) && target.chat !== undefined && call.prepare(target.chat, false).relay;
  const checked = lane.checked && 'choices' in answer ? checkForm(call.format(), answer) : undefined;
  const mended = checked?.answer;
  // What has its form already goes as it came, with all that its protocol has and we do not know.
  const told = relayed && mended === undefined ? body : call.encodeAnswer(mended ?? answer);
  return {
    ...money,
    answer: mended ?? answer,
    body: JSON.stringify(told),
    repaired: mended !== undefined,
    ...(checked?.message === undefined ? {} : { wrongForm: checked.message }),
  };
}

/** As `readAnswer`, where `isRelayed` has said so. */
export function readRelayed({ lane, target }: Reading, body: unknown): ReadAnswer {
  const answer = lane.operation === 'embedding' ? readEmbedding(target, body) : readChat(target, body);
  return { ...moneyOf(target, answer.usage), answer, body: JSON.stringify(body), repaired: false };
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
export function isRelayed(reading: Pick<Reading, 'lane' | 'target' | 'shape' | 'cascade'>): boolean {
  const { lane, cascade } = reading;
  // What was asked for beyond what the caller asks must be taken out again.
  return !lane.checked && speaksTheSame(reading) && cascade?.confidence.from !== 'logprobs';
}

function speaksTheSame({ lane, target, shape }: Pick<Reading, 'lane' | 'target' | 'shape'>): boolean {
  const endpoint = lane.operation === 'embedding' ? target.embeddings : target.chat;
  return endpoint !== undefined && shape.protocols.includes(endpoint.protocol);
}

/** Valid until the input is read again. */
function callOf({ shape, batch, input, nowMs }: Reading, item: Item): ItemCall {
  const line = shape.readLine(input.read(item.at, item.bytes), batch);
  return shape.call(line, { id: `${batch.id}:${item.seq}`, batch, nowMs });
}

/** As its caller asks; keeps nothing of the input. */
export function ownCallOf({ shape, batch, input, nowMs }: Reading, item: Item): ItemCall {
  const line = shape.readLine(Buffer.from(input.read(item.at, item.bytes)), batch);
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
