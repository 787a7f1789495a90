/** A cascade, as a user writes it. */
import { z } from 'zod';
import { present } from '../../core/present.ts';
import type { AcceptRule, Cascade, ConfidenceSource } from '../../router/cascade/contract.ts';
import type { Step } from '../../router/chain/contract.ts';
import { oneOrChain, type WrittenStep } from '../chain.ts';
import { count, share } from '../units.ts';

const field = z.string().regex(/^[\w-]+(?:\.[\w-]+)*$/, 'must be names with dots between them');

const confidence = z.discriminatedUnion('from', [
  z.strictObject({
    from: z.literal('field'),
    field: field.default('confidence').describe('Path of a number from 0 to 1 in the answer’s JSON.'),
  }),
  z.strictObject({ from: z.literal('logprobs') }),
  z.strictObject({
    from: z.literal('agreement'),
    with: oneOrChain.describe('Who is asked the same; best another cheap model, else the same again.'),
    field: field.optional().describe('Only this part of the answer’s JSON is compared.'),
  }),
  z.strictObject({ from: z.literal('judge'), by: oneOrChain.describe('Who says how good the answer is.') }),
]);

const accept = z.strictObject({
  confidence: z
    .union([share, z.literal('auto')])
    .default(0.85)
    .describe('Least confidence; auto: set by a conformal bound over the audits.'),
  schema: z.boolean().default(true).describe('The answer must have the form that the request asks for.'),
  regret: share
    .prefault('2%')
    .describe('For auto: most answers that the strong model alone would have got right.'),
  risk: share.prefault('10%').describe('For auto: how likely more regret may be.'),
});

export const cascade = z
  .strictObject({
    accept: accept.prefault({}).describe('When a cheap answer is sure enough.'),
    confidence: confidence
      .prefault({ from: 'field', field: 'confidence' })
      .describe('Where the confidence in an answer comes from.'),
    escalate: oneOrChain.describe('The strong target, or a chain of them.'),
    audit: share
      .prefault('2%')
      .describe('Share of accepted answers that the strong model answers too, off the caller’s path.'),
    calibrate_after: count.prefault(200).describe('Audits after which a raw confidence is calibrated.'),
    spend_share: share
      .optional()
      .describe('Holds the share of escalations instead of a threshold, such as 30%.'),
  })
  .optional()
  .describe('The chain answers first; what is not sure enough goes on to a strong model.');

export type CascadeConfig = NonNullable<z.output<typeof cascade>>;

type Open = (steps: readonly WrittenStep[], path: readonly (string | number)[]) => readonly Step[];

export function makeCascade(written: CascadeConfig, open: Open): Cascade {
  return {
    confidence: sourceOf(written.confidence, open),
    accept: ruleOf(written),
    schema: written.accept.schema,
    escalate: open(written.escalate, ['escalate']),
    auditShare: written.audit,
    calibrateAfter: written.calibrate_after,
  };
}

function sourceOf(written: CascadeConfig['confidence'], open: Open): ConfidenceSource {
  switch (written.from) {
    case 'field':
    case 'logprobs':
      return written;
    case 'agreement':
      return {
        from: 'agreement',
        with: open(written.with, ['confidence', 'with']),
        ...present({ field: written.field }),
      };
    case 'judge':
      return { from: 'judge', by: open(written.by, ['confidence', 'by']) };
  }
}

/** Where nothing has been learnt yet. */
const firstThreshold = 0.85;

function ruleOf({ accept: { confidence, regret, risk }, spend_share }: CascadeConfig): AcceptRule {
  const first = confidence === 'auto' ? firstThreshold : confidence;
  if (spend_share !== undefined) return { kind: 'spend-share', share: spend_share, first };
  return confidence === 'auto' ? { kind: 'auto', regret, risk, first } : { kind: 'fixed', confidence };
}
