/** What each target of a config costs, where that number is from, and which limits it falls under, as `check` shows them. */
import type { Config } from '../config/schema.ts';
import type { PriceTier } from '../core/price.ts';
import type { Target } from '../router/chain/contract.ts';
import type { Policy } from '../router/contract.ts';
import { thousands } from './amounts.ts';
import { table } from './table.ts';

/** `list`: the provider’s own list. `config`: the file’s `prices`. `named`: that of the model which the caller names. */
type Source = 'list' | 'config' | 'named' | 'unknown';

const columns = ['input', 'output', 'cache read', 'cache write'] as const;

export function targetsTable(policy: Policy, config: Config): string {
  const rows = once(policy.targets).flatMap((target) => {
    const limits = limitsOf(target, config).join(', ') || '-';
    const source = sourceOf(target, config);
    const [first, ...higher] = target.price?.tiers ?? [];
    if (first === undefined) return [[target.name, ...columns.map(() => '-'), words[source], limits]];
    return [
      [target.name, ...ratesText(first), words[source], limits],
      ...higher.map((tier) => [
        `  over ${thousands(tier.aboveInputTokens)} input tokens`,
        ...ratesText(tier),
        '',
        '',
      ]),
    ];
  });
  return table(['target', ...columns, 'price from', 'limits'], rows, new Set<string>(columns));
}

const words: Readonly<Record<Source, string>> = {
  list: 'its list',
  config: 'prices:',
  named: 'the model named',
  unknown: '! UNKNOWN',
};

/** Routes with time limits of their own have targets of their own. */
function once(targets: readonly Target[]): readonly Target[] {
  return [...new Map(targets.map((target) => [target.name, target])).values()];
}

function sourceOf({ provider, model, price }: Target, { prices }: Config): Source {
  if (model.id === '*') return 'named';
  if (Object.hasOwn(prices, `${provider}/${model.id}`)) return 'config';
  return price === undefined ? 'unknown' : 'list';
}

/** Names of the limits that it falls under, as the file has them. */
function limitsOf({ provider, model }: Target, { limits }: Config): readonly string[] {
  return [provider, `${provider}/${model.id}`].filter((name) => Object.hasOwn(limits, name));
}

/** Dollars for a million tokens. */
const perMillion = (nanoUsd: number): number => nanoUsd / 1000;

function ratesText({ rates }: PriceTier): readonly string[] {
  return [rates.input, rates.output, rates.cacheRead, rates.cacheWrite5m].map((rate) =>
    rate === undefined ? '-' : priceText(perMillion(rate)),
  );
}

/** Cents, and what is smaller where there is such: `$0.40`, `$0.075`. */
function priceText(usd: number): string {
  const exact = usd.toFixed(6).replace(/0+$/, '');
  const cents = usd.toFixed(2);
  return `$${thousands(exact.length > cents.length ? exact : cents)}`;
}

/** For programs. */
export function targetsJson(policy: Policy, config: Config): readonly object[] {
  return once(policy.targets).map((target) => ({
    name: target.name,
    price: target.price === undefined ? null : target.price.tiers.map(tierJson),
    price_from: sourceOf(target, config),
    limits: limitsOf(target, config),
  }));
}

function tierJson({ aboveInputTokens, rates }: PriceTier): object {
  const rate = (nanoUsd: number | undefined): number | null =>
    nanoUsd === undefined ? null : perMillion(nanoUsd);
  return {
    above_input_tokens: aboveInputTokens,
    input_usd_per_million: rate(rates.input),
    output_usd_per_million: rate(rates.output),
    cache_read_usd_per_million: rate(rates.cacheRead),
    cache_write_usd_per_million: rate(rates.cacheWrite5m),
  };
}
