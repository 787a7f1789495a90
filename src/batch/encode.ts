/**
 * Writes the items of a submission as its target wants them, to a file on the scratch disk: how many they are, how large, and what they
 * will cost must be known before the first byte is sent, and none of them may be held in memory. An item that the target cannot carry is told
 * apart.
 */
import { createWriteStream } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asGatewayError, type GatewayError } from '../core/errors.ts';
import { costOf } from '../core/price.ts';
import type { BatchLine, Endpoint } from '../providers/contract.ts';
import type { Target } from '../router/chain/contract.ts';
import { findRoute } from '../router/find-route.ts';
import { needsOf } from '../router/needs.ts';
import { splitLines } from '../wire/jsonl.ts';
import { askedIn, callIn } from './cascade/asked.ts';
import type { Batch, Item, Lane, Submission } from './contract.ts';
import { openLocal, readFileThrough } from './local-blob.ts';
import { Segments } from './segments.ts';
import type { ItemCall } from './shape/contract.ts';
import type { BatchWorldInside } from './world.ts';

const pageItems = 2_000;
/** Of one write. */
const partChars = 64 * 1024;
/** No body is longer: a line of the input is not, and a translation adds little. */
const mostBodyBytes = 64 * 1024 * 1024;

/** Answers get longer than expected more often than shorter. */
export const outputBuffer = 1.25;

export interface Encoded {
  readonly items: number;
  readonly bytes: number;
  /** As their lines were estimated, before anything was learnt. */
  readonly roughInputTokens: number;
  /** The most that its answers can cost, by what each may use; for the budgets. */
  readonly worstNanoUsd: number;
  /** Expected, with a buffer for long answers. */
  readonly expectedNanoUsd: number;
  readonly failed: readonly { readonly seq: number; readonly error: GatewayError }[];
  /** In handfuls; may be read more than once. */
  lines(): AsyncIterable<readonly BatchLine[]>;
  remove(): Promise<void>;
}

type Sums = {
  items: number;
  bytes: number;
  roughInputTokens: number;
  worstNanoUsd: number;
  expectedNanoUsd: number;
};

export async function encode(
  world: BatchWorldInside,
  batch: Batch,
  lane: Lane,
  submission: Submission,
  target: Target,
): Promise<Encoded> {
  const path = join(world.scratch, submission.id);
  const failed: { seq: number; error: GatewayError }[] = [];
  const sums: Sums = { items: 0, bytes: 0, roughInputTokens: 0, worstNanoUsd: 0, expectedNanoUsd: 0 };
  const input = await openLocal(world, batch.inputBlob);
  const segments = new Segments(world, batch.no);
  try {
    const one = encoderOf(world, batch, lane, target, sums, segments);
    async function* pages(): AsyncGenerator<string> {
      for (let after = 0; ; ) {
        const items = await world.rows.items.page(batch.no, after, pageItems, {
          submission: submission.id,
          states: ['submitted'],
        });
        const last = items.at(-1);
        if (last === undefined) return;
        after = last.seq;
        let text = '';
        for (const item of items) {
          try {
            text += `${item.seq}\t${await one(item, input.read(item.at, item.bytes))}\n`;
          } catch (thrown) {
            failed.push({ seq: item.seq, error: asGatewayError(thrown) });
          }
          if (text.length < partChars) continue;
          yield text;
          text = '';
        }
        if (text !== '') yield text;
      }
    }
    await pipeline(Readable.from(pages()), createWriteStream(path));
  } finally {
    await input.close();
    await segments.close();
  }
  return {
    ...sums,
    failed,
    lines: () => readLines(path),
    remove: () => unlink(path),
  };
}

/** The body of one item for its target. Throws where the target cannot carry it. */
function encoderOf(
  world: BatchWorldInside,
  batch: Batch,
  lane: Lane,
  target: Target,
  sums: Sums,
  segments: Segments,
): (item: Item, line: Buffer) => string | Promise<string> {
  const shape = world.shapes.get(batch.shape);
  const route = findRoute(world.policy(), lane.model);
  const endpoint: Endpoint<never> | undefined =
    lane.operation === 'embedding' ? target.embeddings : target.chat;
  if (shape === undefined || endpoint === undefined)
    throw new Error(`${target.name} cannot serve ${batch.id}.`);
  const own = (item: Item, bytes: Buffer): ItemCall =>
    shape.call(shape.readLine(bytes, batch), {
      id: `${batch.id}:${item.seq}`,
      batch,
      nowMs: world.clock.now(),
    });
  const write = (call: ItemCall): string => {
    const { body } = call.prepare(endpoint, route.strict);
    const needs = needsOf(call, route, target, world.estimates);
    sums.items += 1;
    sums.bytes += body.length;
    sums.roughInputTokens += call.facts.inputTokens;
    sums.worstNanoUsd += needs.worstNanoUsd;
    if (target.price !== undefined)
      sums.expectedNanoUsd += costOf(target.price, {
        inputTokens: needs.input,
        outputTokens: Math.ceil(needs.output * outputBuffer),
      });
    return typeof body === 'string'
      ? body
      : Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8');
  };
  const { cascade } = route;
  if (lane.role !== 'judge') return (item, bytes) => write(askedIn(lane, own(item, bytes), cascade));
  // The line is read out of a buffer that the next one takes.
  return async (item, bytes) =>
    write(await callIn(lane, own(item, Buffer.from(bytes)), item, segments, cascade));
}

async function* readLines(path: string): AsyncGenerator<readonly BatchLine[]> {
  for await (const lines of splitLines(readFileThrough(path), mostBodyBytes))
    yield lines.flatMap(({ text }) => {
      if (text === undefined) return [];
      const tab = text.indexOf(0x09);
      return [{ key: Number(text.toString('latin1', 0, tab)), body: text.toString('utf8', tab + 1) }];
    });
}
