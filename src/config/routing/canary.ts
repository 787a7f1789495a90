/** A canary, as a user writes it. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { present } from '../../core/present.ts';
import type { Canary } from '../../router/canary/contract.ts';
import type { Step } from '../../router/chain/contract.ts';
import { oneOrChain, type WrittenStep } from '../chain.ts';
import { count, share, someTime } from '../units.ts';

const times = z.number().min(1).max(100);

const phase = z.strictObject({
  share: share.describe('Of requests.'),
  for: someTime.describe('How long, before the next phase.'),
});

const gates = z.strictObject({
  error_rate: share
    .optional()
    .describe('Most failed requests over those of the usual chain, as a share of all.'),
  p95: times.optional().describe('Most times the usual 95th percentile of the duration.'),
  cost: times.optional().describe('Most times the usual cost of a request.'),
  agreement: share.optional().describe('Least share of compared answers that agree.'),
  least: count.prefault(50).describe('Requests of the canary before any gate is looked at.'),
  window: someTime.prefault('15m').describe('What is looked at: the latest of this.'),
});

export const canary = z
  .strictObject({
    chain: oneOrChain.describe('What is tried; the usual chain stands behind it.'),
    by: z
      .enum(['key', 'user', 'request'])
      .default('key')
      .describe('What stays on one side: a key, a user that the caller names, or nothing.'),
    phases: z.array(phase).min(1).max(50).describe('Growing shares; the last one stays.'),
    gates: gates
      .prefault({ error_rate: '2%', p95: 1.5, cost: 1.5 })
      .describe('What must hold; where one fails, nothing goes to the canary any more.'),
  })
  .optional()
  .describe('A new chain gets a growing share of the requests, as long as it does no worse.');

export type CanaryConfig = NonNullable<z.output<typeof canary>>;

export function makeCanary(
  written: CanaryConfig,
  open: (steps: readonly WrittenStep[], path: readonly (string | number)[]) => readonly Step[],
): Canary {
  return {
    id: createHash('sha256').update(JSON.stringify(written)).digest('base64url').slice(0, 12),
    chain: open(written.chain, ['chain']),
    by: written.by,
    phases: written.phases.map((one) => ({ share: one.share, forMs: one.for })),
    gates: {
      least: written.gates.least,
      windowMs: written.gates.window,
      ...present({
        errorRate: written.gates.error_rate,
        p95: written.gates.p95,
        cost: written.gates.cost,
        agreement: written.gates.agreement,
      }),
    },
  };
}
