/** What an attempt is billed for, by how it ended; and what that comes to. */
import { bytesPerToken } from '../core/estimate.ts';
import { costOf, listCostOf } from '../core/price.ts';
import type { Usage } from '../core/usage.ts';
import type { Outcome } from './attempt.ts';
import type { Target } from './chain/contract.ts';
import type { Spent } from './contract.ts';
import type { Needs } from './needs.ts';

/** `usage`: what it says. `nothing`: no provider bills it. `unknown`: it may be billed, and nobody said for how much. */
export type Billing = 'usage' | 'nothing' | 'unknown';

/** `unsent`: it never began. */
export type Ending = Outcome | 'unsent';

/**
 * An answer with its usage is billed for that. A refusal is not billed, nor is a connection that broke before there was an answer; what
 * we stopped waiting for, and what broke off, may be billed up to its end.
 */
export function billingOf(ending: Ending): Billing {
  if (ending === 'unsent') return 'nothing';
  switch (ending.kind) {
    case 'served':
      return ending.usage?.inputTokens === undefined ? 'unknown' : 'usage';
    case 'cut':
    case 'client-closed':
      return 'unknown';
    case 'failed':
      switch (ending.error.code) {
        case 'upstream_timeout':
        case 'upstream_truncated':
        case 'upstream_malformed':
        case 'internal':
          return 'unknown';
        default:
          return 'nothing';
      }
  }
}

const free: Spent = { costNanoUsd: 0, listNanoUsd: 0, exact: true };
const unpriced: Spent = { costNanoUsd: 0, listNanoUsd: 0, exact: false };

export interface Bill {
  /** For the ledger. */
  readonly spent: Spent;
  /** For the budgets. */
  readonly chargedNanoUsd: number;
}

/** What an answer that broke off used, as far as it came. A count of output that came before the end is a beginning, not a sum. */
function guess(ending: Ending, usage: Usage | undefined, needs: Needs): Usage {
  const seenChars = ending === 'unsent' || ending.kind === 'served' ? undefined : ending.seenChars;
  const seen = seenChars === undefined ? needs.output : Math.ceil(seenChars / bytesPerToken);
  return {
    inputTokens: needs.input,
    ...usage,
    outputTokens: Math.max(usage?.outputTokens ?? 0, seen),
  };
}

/** What the same tokens cost by a plain call; 0 where nobody knows. */
export function listedCost({ price, listPrice }: Target, usage: Usage): number {
  if (listPrice !== undefined && listPrice !== price) return listCostOf(listPrice, usage);
  return price === undefined ? 0 : costOf(price, usage);
}

/**
 * Where nobody knows, the ledger has our best guess and says that it is one; the budgets keep the most that it can be, since
 * a cap that may have been passed was not kept.
 */
export function billFor(billing: Billing, ending: Ending, target: Target, needs: Needs): Bill {
  const { price, listPrice } = target;
  if (billing === 'nothing') return { spent: free, chargedNanoUsd: 0 };
  if (price === undefined) return { spent: unpriced, chargedNanoUsd: 0 };
  const usage = ending === 'unsent' ? undefined : ending.usage;
  const exact = billing === 'usage' && usage !== undefined;
  const billed = exact ? usage : guess(ending, usage, needs);
  const cost = costOf(price, billed);
  const listNanoUsd = listPrice === undefined || listPrice === price ? cost : listCostOf(listPrice, billed);
  return {
    spent: { costNanoUsd: cost, listNanoUsd, exact },
    chargedNanoUsd: exact ? cost : Math.max(cost, needs.worstNanoUsd),
  };
}
