/**
 * What a provider would bill for what its stand-in answered: the input, and the output that was really emitted. Kept apart from the
 * gateway's arithmetic, on purpose: it is what a ledger is held against, so it shares no line of code with it.
 *
 * Billed is every answer that was begun. A stream that was cut, by a fault or by its caller, costs its input and the tokens sent until
 * then; a whole answer is billed whole, whether somebody was left to take it or not. Refusals and resets before an answer cost nothing.
 */
import { matchesPattern } from '../core/pattern.ts';
import type { BilledPrice } from './faults.ts';

export interface Billed {
  readonly instance: string;
  readonly model: string;
  readonly operation: string;
  readonly stream: boolean;
  /** The caller sees it at the end of the answer's own id. */
  readonly answerId: string;
  /** What the prompt asked to have put on the bill. */
  readonly note?: string;
  /** When the answer ended. */
  readonly atMs: number;
  /** All input, what was written to a cache included. */
  readonly inputTokens: number;
  readonly cacheWriteTokens: number;
  /** Served by a cache; absent: none. */
  readonly cacheReadTokens?: number;
  readonly outputTokens: number;
  /** Of what was served at another tier than the standard one. */
  readonly tier?: 'flex';
  /** The whole answer left. */
  readonly complete: boolean;
  /** Of an item of a batch job, billed at batch price: which it was, and what it asked. */
  readonly batch?: { readonly job: string; readonly item: string; readonly bodyHash: string };
}

export interface InvoiceLine extends Billed {
  readonly number: number;
  readonly nanoUsd: number;
}

export interface InvoiceSum {
  readonly calls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly nanoUsd: number;
}

export interface InvoiceReport {
  readonly totalNanoUsd: number;
  readonly calls: number;
  /** The part of both that was sent whole. */
  readonly complete: InvoiceSum;
  /** Answers that run, and are billed when they end. */
  readonly open: number;
  /** By `instance/model`. */
  readonly byModel: Readonly<Record<string, InvoiceSum>>;
  /** Newest first. */
  readonly lines: readonly InvoiceLine[];
}

export interface Invoice {
  /** An answer begins; the result bills it, once. */
  begin(): (billed: Billed, prices: readonly BilledPrice[]) => void;
  report(lines?: number): InvoiceReport;
  /** Every line, oldest first. */
  all(): AsyncIterable<readonly InvoiceLine[]>;
  clear(): void;
}

/** Where lines go that memory has no room for. */
export interface LineArchive {
  add(lines: readonly InvoiceLine[]): void;
  read(): AsyncIterable<readonly InvoiceLine[]>;
  clear(): void;
}

/** Sums are exact forever; of single lines this many are kept in memory, some 60 MB. */
const mostLines = 200_000;
/** Jobs bring millions, and nobody looks at them one by one: they are read as a stream. */
const mostBatchLines = 20_000;
/** So few at a time that a call which has to wait for it does not notice. */
const archivedAtOnce = 5_000;
const mostModels = 10_000;
const otherModels = '(other)';
const otherPrice: BilledPrice = { provider: '*', model: '*', input: 1, output: 4, batch: 0.5, flex: 0.5 };

export function createInvoice(archive?: LineArchive): Invoice {
  let lines: InvoiceLine[] = [];
  let number = 0;
  let open = 0;
  let all = none;
  let complete = none;
  let byModel = new Map<string, InvoiceSum>();

  function add(billed: Billed, prices: readonly BilledPrice[]): void {
    const line = { number: ++number, ...billed, nanoUsd: bill(billed, prices) };
    all = plus(all, line);
    if (line.complete) complete = plus(complete, line);
    const named = `${line.instance}/${line.model}`;
    const name = byModel.has(named) || byModel.size < mostModels ? named : otherModels;
    byModel.set(name, plus(byModel.get(name) ?? none, line));
    lines.push(line);
    // A few thousand now and then rather than one every time.
    if (lines.length > (line.batch === undefined || archive === undefined ? mostLines : mostBatchLines)) {
      const oldest = lines.splice(0, archivedAtOnce);
      archive?.add(oldest);
    }
  }

  return {
    begin() {
      let billed = false;
      open += 1;
      return (what, prices) => {
        if (billed) return;
        billed = true;
        open -= 1;
        add(what, prices);
      };
    },
    report: (most = 100) => ({
      totalNanoUsd: all.nanoUsd,
      calls: all.calls,
      complete,
      open,
      byModel: Object.fromEntries(byModel),
      lines: most <= 0 ? [] : lines.slice(-most).reverse(),
    }),
    async *all() {
      // What is billed meanwhile is told next time; what moves to the archive meanwhile is in the copy.
      const kept = [...lines];
      const first = kept[0]?.number ?? Number.POSITIVE_INFINITY;
      if (archive !== undefined)
        for await (const some of archive.read()) yield some.filter((line) => line.number < first);
      for (let at = 0; at < kept.length; at += 1_000) yield kept.slice(at, at + 1_000);
    },
    clear() {
      archive?.clear();
      lines = [];
      all = none;
      complete = none;
      byModel = new Map();
    },
  };
}

const none: InvoiceSum = { calls: 0, inputTokens: 0, outputTokens: 0, nanoUsd: 0 };

function plus(sum: InvoiceSum, line: InvoiceLine): InvoiceSum {
  return {
    calls: sum.calls + 1,
    inputTokens: sum.inputTokens + line.inputTokens,
    outputTokens: sum.outputTokens + line.outputTokens,
    nanoUsd: sum.nanoUsd + line.nanoUsd,
  };
}

export function priceOf(prices: readonly BilledPrice[], instance: string, model: string): BilledPrice {
  return (
    prices.find((one) => matchesPattern(one.provider, instance) && matchesPattern(one.model, model)) ??
    otherPrice
  );
}

/** In whole millionths of a nano-dollar a token, so that nothing is rounded before the end, and then up. */
function bill(
  { instance, model, inputTokens, cacheWriteTokens, cacheReadTokens = 0, outputTokens, batch, tier }: Billed,
  prices: readonly BilledPrice[],
): number {
  const price = priceOf(prices, instance, model);
  const rate = (dollars: number): bigint => BigInt(Math.round(dollars * 1e9));
  const cost =
    BigInt(inputTokens - cacheWriteTokens - cacheReadTokens) * rate(price.input) +
    BigInt(cacheReadTokens) * rate(price.cache_read ?? price.input) +
    BigInt(cacheWriteTokens) * rate(price.cache_write ?? price.input) +
    BigInt(outputTokens) * rate(price.output);
  if (batch === undefined && tier === undefined) return Number((cost + 999_999n) / 1_000_000n);
  const factor = BigInt(Math.round((batch === undefined ? price.flex : price.batch) * 1e6));
  return Number((cost * factor + 999_999_999_999n) / 1_000_000_000_000n);
}
