/**
 * What tokens cost, and what an answer has cost. Money is whole nano-dollars everywhere (10^-9 US dollars): one token of
 * the cheapest model costs some ten of them, and a safe integer holds nine million dollars.
 */
import type { Usage } from './usage.ts';

/** Nano-dollars a token: $1 per million tokens is 1000. Fractions are allowed here, never in a cost. */
export interface Rates {
  /** Input that no cache served. */
  readonly input: number;
  /** Absent: as `input`. */
  readonly cacheRead?: number;
  /** Absent: as `input`. */
  readonly cacheWrite5m?: number;
  /** Absent: as `cacheWrite5m`. */
  readonly cacheWrite1h?: number;
  /** Reasoning included. */
  readonly output: number;
  /** Absent: as `input`. */
  readonly audioInput?: number;
  /** Absent: as `output`. */
  readonly audioOutput?: number;
}

/** Rates of a whole request whose input, cached or not, is over `aboveInputTokens`. */
export interface PriceTier {
  readonly aboveInputTokens: number;
  readonly rates: Rates;
}

/** The price of a model at a provider in one mode. */
export interface Price {
  /** Ascending; the first begins at 0. */
  readonly tiers: readonly [PriceTier, ...PriceTier[]];
  /** By the word in which the provider says what tier served (`usage.serviceTier`): a factor over all rates. */
  readonly tierFactors?: Readonly<Record<string, number>>;
}

/** What an answer has cost, in nano-dollars, rounded up. Counts that are absent count as none. */
export function costOf(price: Price, usage: Usage): number {
  const input = usage.inputTokens ?? 0;
  const output = usage.outputTokens ?? 0;
  const rates = ratesFor(price, input);
  const read = usage.cacheReadTokens ?? 0;
  const write1h = usage.cacheWrite1hTokens ?? 0;
  // A provider that does not split its writes by lifetime wrote them all for the usual one.
  const write5m = usage.cacheWrite5mTokens ?? Math.max(0, (usage.cacheWriteTokens ?? 0) - write1h);
  const fresh = Math.max(0, input - read - write5m - write1h);
  // Nobody tells how much of the cached input was audio; what is more than the fresh input must have been.
  const audioInput = Math.min(usage.audioInputTokens ?? 0, fresh);
  const audioOutput = usage.audioOutputTokens ?? 0;
  const write5mRate = rates.cacheWrite5m ?? rates.input;
  const cost =
    (fresh - audioInput) * rates.input +
    read * (rates.cacheRead ?? rates.input) +
    write5m * write5mRate +
    write1h * (rates.cacheWrite1h ?? write5mRate) +
    audioInput * (rates.audioInput ?? rates.input) +
    Math.max(0, output - audioOutput) * rates.output +
    audioOutput * (rates.audioOutput ?? rates.output);
  return wholeNano(cost * tierFactor(price, usage.serviceTier));
}

/** What the same tokens cost by a plain call: the discount of the tier that served them is what was saved. */
export function listCostOf(listPrice: Price, usage: Usage): number {
  if (usage.serviceTier === undefined) return costOf(listPrice, usage);
  const { serviceTier: _served, ...tokens } = usage;
  return costOf(listPrice, tokens);
}

/** The most that an answer can cost which has at most so many tokens: nothing read from a cache, all of it written to one. */
export function worstCost(
  price: Price,
  inputTokens: number,
  outputTokens: number,
  serviceTier?: string,
): number {
  let most = 0;
  for (const { aboveInputTokens, rates } of price.tiers) {
    // A tier holds above its number; the first holds from nothing on.
    if (aboveInputTokens > 0 && inputTokens <= aboveInputTokens) break;
    const input = Math.max(
      rates.input,
      rates.cacheRead ?? 0,
      rates.cacheWrite5m ?? 0,
      rates.cacheWrite1h ?? 0,
      rates.audioInput ?? 0,
    );
    most = Math.max(
      most,
      inputTokens * input + outputTokens * Math.max(rates.output, rates.audioOutput ?? 0),
    );
  }
  return wholeNano(most * tierFactor(price, serviceTier));
}

/** The word comes from outside, so it may be the name of something that every object has. */
function tierFactor({ tierFactors }: Price, serviceTier: string | undefined): number {
  if (tierFactors === undefined || serviceTier === undefined) return 1;
  return Object.hasOwn(tierFactors, serviceTier) ? (tierFactors[serviceTier] ?? 1) : 1;
}

function ratesFor({ tiers }: Price, inputTokens: number): Rates {
  let rates = tiers[0].rates;
  for (const tier of tiers) if (inputTokens > tier.aboveInputTokens) rates = tier.rates;
  return rates;
}

/** Up, and not one too many because 0.1 is no binary fraction: what a sum is off by grows with it. */
function wholeNano(cost: number): number {
  return Math.max(0, Math.ceil(cost - 1e-6 - cost * 1e-14));
}

/** A plain decimal number, exact to the nano-dollar: `String` would write a small one as `1e-7`. */
export function decimalDollars(nanoUsd: number): string {
  const whole = Math.floor(nanoUsd / 1e9);
  return `${whole}.${String(nanoUsd - whole * 1e9).padStart(9, '0')}`;
}
