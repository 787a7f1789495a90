/** What YAML says of one Bedrock account. Whatever is left out is found as the AWS SDKs find it. */
import { z } from 'zod';
import { orFile } from '../../core/or-file.ts';
import { readS3Address, type S3Address } from '../../wire/aws/s3-address.ts';
import { baseUrlSchema } from '../families/base-url.ts';

const text = z.string().min(1);

const count = z.int().min(1);

/** What jobs need beside the account: a bucket to lie in, and a role that Bedrock reads and writes it with. */
const batchSettings = z.strictObject({
  s3: text
    .refine((value) => readS3Address(value) !== undefined, {
      error: 'must be a bucket and perhaps a prefix, such as s3://acme-batch/intermodal',
    })
    .describe('Where inputs and outputs of jobs lie. In the region of the provider.'),
  role_arn: text
    .regex(
      /^arn:aws(?:-[^:]+)?:iam::\d{12}:role\/.+/,
      'must be the ARN of a role, such as arn:aws:iam::111122223333:role/batch',
    )
    .describe(
      'The service role that Bedrock reads and writes the bucket with. Not the role that calls are sent with.',
    ),
  endpoint: baseUrlSchema.optional().describe('Over the regional address of Bedrock’s control plane.'),
  s3_endpoint: baseUrlSchema.optional().describe('Over the regional address of S3.'),
  path_style: z
    .boolean()
    .default(false)
    .describe('The bucket in the path instead of the host’s name, as stores other than AWS’s want it.'),
  encryption_key: text.optional().describe('A KMS key for inputs and outputs. Left out: as the bucket says.'),
  bucket_owner: text
    .regex(/^\d{12}$/, 'must be the twelve digits of an account')
    .optional()
    .describe('The account that the bucket belongs to, where it is another.'),
  timeout_hours: z
    .int()
    .min(24)
    .max(168)
    .optional()
    .describe('After so long AWS gives up what is left of a job. Left out: 24.'),
  least_items: count.optional().describe('The account’s quota. Left out: 100.'),
  most_items: count.optional().describe('The account’s quota. Left out: 50000.'),
  most_bytes: count.optional().describe('The account’s quota. Left out: 1000000000.'),
});

export const settings = z
  .strictObject({
    region: text
      .regex(/^[a-z0-9-]+$/, 'must be a region such as us-east-1')
      .optional()
      .describe('Left out: the variable AWS_REGION or AWS_DEFAULT_REGION.'),
    endpoint: baseUrlSchema.optional().describe('Over the regional address: a VPC endpoint, an emulator.'),
    base_url: baseUrlSchema.optional().describe('The same as endpoint.'),
    access_key_id: orFile(text).optional().describe('Left out: the default AWS credential chain.'),
    secret_access_key: orFile(text).optional(),
    session_token: orFile(text).optional(),
    profile: text.optional().describe('A profile of the shared AWS config.'),
    role_arn: text
      .regex(/^arn:/, 'must be the ARN of a role')
      .optional()
      .describe('A role to assume with these credentials.'),
    bearer_token: orFile(text)
      .optional()
      .describe(
        'A Bedrock API key, instead of signed requests. Left out: AWS_BEARER_TOKEN_BEDROCK, unless other credentials are set here. S3 takes none: batches need AWS keys beside it.',
      ),
    batch: batchSettings.optional().describe('Needed for @batch targets.'),
    api: z
      .enum(['auto', 'converse', 'invoke'])
      .default('auto')
      .describe('auto: Invoke for Claude, which keeps more; Converse for all others.'),
  })
  .refine((values) => (values.access_key_id === undefined) === (values.secret_access_key === undefined), {
    error: 'access_key_id and secret_access_key go together',
    path: ['secret_access_key'],
  });

export type Settings = z.infer<typeof settings>;
export type BatchSettings = z.infer<typeof batchSettings>;

/** The settings were read, so there is one. */
export function placeOf({ s3 }: BatchSettings): S3Address {
  return readS3Address(s3) ?? { bucket: '', prefix: '' };
}
