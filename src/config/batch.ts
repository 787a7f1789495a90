/** The section on batch work, as a user writes it. */
import { z } from 'zod';
import { ExpressionError } from '../core/expression.ts';
import { compileExpression } from '../core/expression-match.ts';
import { orFile } from '../core/or-file.ts';
import { age, ageOrOff, count, share, someTime } from './units.ts';

/** A path, or a bucket with a prefix if wanted. */
const blobs = z.string().superRefine((text, context) => {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1];
  if (
    scheme === undefined ? text.trim() !== '' : /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/|$)/.test(text)
  )
    return;
  const params = {
    not: 'a place for blobs',
    fix: 'Write the path of a folder such as intermodal-blobs, or s3://BUCKET/PREFIX.',
  };
  context.addIssue({ code: 'custom', message: 'not a place for blobs', params });
});

const leastKeyBytes = 16;
const mostKeyBytes = 64;

/** As Standard Webhooks writes a secret. Its value is in no message. */
const secret = orFile(
  z.string().superRefine((text, context) => {
    const key = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text)?.[1];
    const bytes = key === undefined ? 0 : Buffer.from(key, 'base64').length;
    if (bytes >= leastKeyBytes && bytes <= mostKeyBytes) return;
    context.addIssue({
      code: 'custom',
      message: 'the secret of webhooks is not one',
      params: {
        fix: `Write whsec_ and ${leastKeyBytes} to ${mostKeyBytes} bytes in base64; echo whsec_$(openssl rand -base64 32) makes one.`,
      },
    });
  }),
);

const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'must be letters, digits and dashes');

const webhooks = z.strictObject({
  secret: secret
    .optional()
    .describe('Signs what is sent, as Standard Webhooks has it: whsec_…; absent: it is not signed.'),
  allow_private: z
    .boolean()
    .default(false)
    .describe('Whether callers may name addresses of this machine and of private networks.'),
  jobs_signature_header: headerName
    .default('X-Holysheep-Signature')
    .describe('Header of the hex HMAC-SHA256 of the body, of batches of the jobs shape.'),
});

const expression = z.string().superRefine((text, context) => {
  try {
    compileExpression(text);
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) throw thrown;
    const message = `this expression cannot be used: ${thrown.message}`;
    const fix = 'Write it without back-references and looking around, so that no text can make it slow.';
    context.addIssue({ code: 'custom', message, params: { fix } });
  }
});

const condition = z
  .strictObject({
    contains: z.string().min(1).optional().describe('This is part of it, in this case.'),
    matches: expression
      .optional()
      .describe('A regular expression finds something in it; (?i) at the start ignores case.'),
    equals: z.string().optional().describe('It is this, but for white space around.'),
    max_chars: z.int().min(0).optional().describe('It is no longer than this; 0: it is empty.'),
  })
  .superRefine((value, context) => {
    if (Object.values(value).some((one) => one !== undefined)) return;
    const fix = 'Add contains, matches, equals or max_chars; without one it would answer everything.';
    context.addIssue({ code: 'custom', message: 'no condition stands here', params: { fix, hollow: true } });
  });

const prefilterRule = z.strictObject({
  when: condition.describe('Of the last words of the user; all that is named must hold.'),
  answer: z.string().describe('What the item is answered with.'),
});

/** The last is kept for all further ones. */
const waits = (what: string, times: readonly [string, ...string[]]) =>
  z
    .array(someTime)
    .min(1)
    .max(20)
    .prefault([...times])
    .describe(`${what} The last stands for all after it.`);

export const batch = z.strictObject({
  blobs: blobs
    .default('intermodal-blobs')
    .describe('Where inputs and results are kept: a folder, or s3://BUCKET/PREFIX.'),
  keep: age.prefault('30d').describe('How long files and results are kept after the batch has ended.'),
  reuse: ageOrOff
    .prefault('off')
    .describe('How old an answer to the very same request may be to be given again instead of asking.'),
  failure_alert: share.prefault('5%').describe('Alerts when this share of a batch’s items has failed.'),
  late_alert: someTime.prefault('20h').describe('Alerts when a submission is not done after this.'),
  poll: waits('Waits between looking after a submission.', ['60s', '120s', '240s', '300s']),
  retry: waits('Waits before failed items are submitted again.', ['60s', '300s']),
  look_again: someTime
    .prefault('2m')
    .describe(
      'How long a submission that may have been lost is looked for at its provider before it is sent again.',
    ),
  lease: someTime
    .prefault('30s')
    .describe(
      'How long a process that has died keeps what it was doing from others, itself started again included. Longer than any pause of a process.',
    ),
  submission_items: count
    .prefault('50k')
    .describe('Most items of one submission, where the provider does not take fewer.'),
  sync: z
    .strictObject({
      concurrent: count.prefault(16).describe('Items that are called one by one, at once.'),
      rpm: count.optional().describe('Items that are called one by one, a minute.'),
    })
    .prefault({})
    .describe('Items that no batch can take any more, within the limits of their targets.'),
  webhooks: webhooks.prefault({}).describe('Messages to callers when a batch ends.'),
  prefilter: z
    .array(prefilterRule)
    .max(200)
    .default([])
    .describe('The first rule that holds answers an item without a model.'),
});

export type BatchConfig = z.output<typeof batch>;
