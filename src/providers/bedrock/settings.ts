/** What YAML says of one Bedrock account. Whatever is left out is found as the AWS SDKs find it. */
import { z } from 'zod';
import { baseUrlSchema } from '../families/base-url.ts';

const text = z.string().min(1);

export const settings = z
  .strictObject({
    region: text
      .regex(/^[a-z0-9-]+$/, 'must be a region such as us-east-1')
      .optional()
      .describe('Left out: the variable AWS_REGION or AWS_DEFAULT_REGION.'),
    endpoint: baseUrlSchema.optional().describe('Over the regional address: a VPC endpoint, an emulator.'),
    base_url: baseUrlSchema.optional().describe('The same as endpoint.'),
    access_key_id: text.optional().describe('Left out: the default AWS credential chain.'),
    secret_access_key: text.optional(),
    session_token: text.optional(),
    profile: text.optional().describe('A profile of the shared AWS config.'),
    role_arn: text
      .regex(/^arn:/, 'must be the ARN of a role')
      .optional()
      .describe('A role to assume with these credentials.'),
    bearer_token: text
      .optional()
      .describe(
        'A Bedrock API key, instead of signed requests. Left out: AWS_BEARER_TOKEN_BEDROCK, unless other credentials are set here.',
      ),
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
