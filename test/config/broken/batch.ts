/** The section on batch work, and never a webhook's secret. */
import type { Broken } from './broken.ts';

const head = `providers:
  openai: { type: openai }
routes:
  chat: { chain: [openai/gpt-4.1-mini] }
batch:
`;

/** What stands in the section, from line 6 on. */
const row = (name: string, yaml: string, ...says: readonly string[]): Broken => ({
  name,
  yaml: `${head}  ${yaml}\n`,
  says,
});

export const batch: readonly Broken[] = [
  row('a misspelt key of batch', 'reuze: 7d', '6:3 batch.reuze: unknown key "reuze". Did you mean "reuse"?'),
  row(
    'blobs at http',
    'blobs: http://bucket',
    '6:10 batch.blobs: "http://bucket" is not a place for blobs. Write the path of a folder such as intermodal-blobs, or s3://BUCKET/PREFIX.',
  ),
  row(
    'blobs in a bucket without name',
    'blobs: s3://',
    '6:10 batch.blobs: "s3://" is not a place for blobs. Write the path of a folder such as intermodal-blobs, or s3://BUCKET/PREFIX.',
  ),
  row(
    'keeping for no time',
    'keep: 0d',
    '6:9 batch.keep: "0d" is not a time over zero. Write a number with d, h, m or s, such as 12h or 30d, of at most 3650d.',
  ),
  row(
    'keeping for longer than can be',
    'keep: 4000d',
    '6:9 batch.keep: "4000d" is not a duration. Write a number with d, h, m or s, such as 12h or 30d, of at most 3650d.',
  ),
  row(
    'reuse of neither',
    'reuse: on',
    '6:10 batch.reuse: "on" is not a duration, or off. Write off, or a number with d, h, m or s, such as 12h or 7d, of at most 3650d.',
  ),
  row(
    'a share of failures over one',
    'failure_alert: 105%',
    '6:18 batch.failure_alert: "105%" is not a share. Write a percentage or a number from 0 to 1, such as 50% or 0.5.',
  ),
  row(
    'polling without waiting',
    'poll: [0s, 60s]',
    '6:10 batch.poll[0]: "0s" is not a time over zero. Write a number with d, h, m, s or ms, such as 250ms, 45m or 1h30m, of at most 24d.',
  ),
  row('polling never', 'poll: []', '6:9 batch.poll: the list is empty. Write at least one entry.'),
  row('retries that are no list', 'retry: 60s', '6:10 batch.retry: "60s" is not a list. Write a list.'),
  row(
    'a secret of webhooks that is none',
    'webhooks: { secret: hunter2 }',
    '6:23 batch.webhooks.secret: the secret of webhooks is not one. Write whsec_ and 16 to 64 bytes in base64; echo whsec_$(openssl rand -base64 32) makes one.',
  ),
  row(
    'a secret of webhooks that is too short',
    'webhooks: { secret: whsec_NDcxMQ== }',
    '6:23 batch.webhooks.secret: the secret of webhooks is not one. Write whsec_ and 16 to 64 bytes in base64; echo whsec_$(openssl rand -base64 32) makes one.',
  ),
  row(
    'a header that is none',
    'webhooks: { jobs_signature_header: "X Sig" }',
    '6:38 batch.webhooks.jobs_signature_header: "X Sig" is not allowed here. It must be letters, digits and dashes.',
  ),
  row(
    'a rule without condition',
    'prefilter: [{ when: {}, answer: "no" }]',
    '6:23 batch.prefilter[0].when: no condition stands here. Add contains, matches, equals or max_chars; without one it would answer everything.',
  ),
  row(
    'a rule without answer',
    'prefilter: [{ when: { equals: ok } }]',
    '6:15 batch.prefilter[0]: "answer" is missing. It must be a text.',
  ),
  row(
    'a rule with a misspelt condition',
    'prefilter: [{ when: { contain: ok }, answer: "no" }]',
    '6:25 batch.prefilter[0].when.contain: unknown key "contain". Did you mean "contains"?',
  ),
  row(
    'a rule whose expression looks ahead',
    'prefilter: [{ when: { matches: "(?=a)" }, answer: "no" }]',
    '6:34 batch.prefilter[0].when.matches: this expression cannot be used: it looks ahead or behind, or has flags inside, which cannot be done here. Write it without back-references and looking around, so that no text can make it slow.',
  ),
  row(
    'a rule whose expression is broken',
    'prefilter: [{ when: { matches: "(a" }, answer: "no" }]',
    '6:34 batch.prefilter[0].when.matches: this expression cannot be used: a group is not closed. Write it without back-references and looking around, so that no text can make it slow.',
  ),
];
