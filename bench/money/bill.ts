/**
 * What the provider billed, line by line, and what it would have billed without each way of saving. Reckoned with the prices that the simulator was
 * given, by arithmetic of its own: no line of the gateway's.
 */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { z } from 'zod';

const lineShape = z.object({
  number: z.number(),
  model: z.string(),
  inputTokens: z.number(),
  cacheReadTokens: z.number().default(0),
  outputTokens: z.number(),
  nanoUsd: z.number(),
  batch: z.object({ item: z.string(), bodyHash: z.string() }),
});
export type BillLine = z.output<typeof lineShape>;

/** Dollars for a million tokens, as the vendor lists them. */
export const prices = [
  { model: 'gpt-4.1-nano', input: 0.1, cache_read: 0.025, output: 0.4 },
  { model: 'gpt-4.1-mini', input: 0.4, cache_read: 0.1, output: 1.6 },
  { model: 'gpt-4.1', input: 2, cache_read: 0.5, output: 8 },
] as const;
const dearest = 'gpt-4.1';
const batchFactor = 0.5;

/** All lines after the first `skip`. */
export async function readBill(simulatorUrl: string, skip: number): Promise<readonly BillLine[]> {
  const response = await fetch(`${simulatorUrl}/~simulator/invoice?format=jsonl`);
  if (!response.ok || response.body === null) throw new Error(`The bill: ${response.status}`);
  const lines: BillLine[] = [];
  for await (const text of createInterface({ input: Readable.fromWeb(response.body) })) {
    if (text === '') continue;
    const line = lineShape.parse(JSON.parse(text));
    if (line.number > skip) lines.push(line);
  }
  return lines;
}

/** Keys of items end in the line that they are. */
const lineOf = ({ batch }: BillLine): number => Number(batch.item.slice(batch.item.lastIndexOf('-') + 1));

function costOf({ inputTokens, cacheReadTokens, outputTokens }: BillLine, model: string, cached: boolean) {
  const price = prices.find((one) => one.model === model);
  if (price === undefined) throw new Error(`The bill has the model ${model}, which nobody was to ask.`);
  const read = cached ? cacheReadTokens : 0;
  // A dollar for a million is a thousand nano-dollars for one.
  return 1000 * ((inputTokens - read) * price.input + read * price.cache_read + outputTokens * price.output);
}

export interface Reckoned {
  /** Nano-dollars, by the steps of `plan`’s ladder. */
  readonly rungs: Readonly<Record<'sync' | 'batch' | 'routing' | 'twins' | 'cache', number>>;
  /** Each request at the sync list price with what its cache served, twins at their original’s. */
  readonly listNanoUsd: number;
  readonly inputTokens: number;
  readonly cacheReadTokens: number;
  readonly outputTokens: number;
  readonly paidTwice: number;
  readonly byModel: ReadonlyMap<string, number>;
}

export function reckon(bill: readonly BillLine[], asked: ReadonlyMap<number, number>): Reckoned {
  const rungs = { sync: 0, batch: 0, routing: 0, twins: 0, cache: 0 };
  const tokens = { inputTokens: 0, cacheReadTokens: 0, outputTokens: 0 };
  const byModel = new Map<string, number>();
  const seen = new Set<string>();
  let listNanoUsd = 0;
  for (const line of bill) {
    const times = asked.get(lineOf(line)) ?? 0;
    rungs.sync += times * costOf(line, dearest, false);
    rungs.batch += times * costOf(line, dearest, false) * batchFactor;
    rungs.routing += times * costOf(line, line.model, false) * batchFactor;
    rungs.twins += costOf(line, line.model, false) * batchFactor;
    rungs.cache += line.nanoUsd;
    // A vendor bills no part of a nano-dollar. The sum of products may be off by some 1e-9 of one, which is no part.
    listNanoUsd += times * Math.ceil(costOf(line, line.model, true) - 1e-6);
    tokens.inputTokens += line.inputTokens;
    tokens.cacheReadTokens += line.cacheReadTokens;
    tokens.outputTokens += line.outputTokens;
    byModel.set(line.model, (byModel.get(line.model) ?? 0) + 1);
    seen.add(line.batch.bodyHash);
  }
  return { rungs, listNanoUsd, ...tokens, paidTwice: bill.length - seen.size, byModel };
}
