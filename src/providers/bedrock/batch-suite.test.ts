/** Bedrock's batches keep the contract: Claude's by Invoke, Nova's by Converse. */

import type { BatchSubject } from '../../../test/support/batch-endpoint.ts';
import { testBatchEndpoint } from '../../../test/support/batch-endpoint-suite.ts';
import { systemClock } from '../../core/clock.ts';
import { provider } from './index.ts';

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

const account: Pick<BatchSubject, 'instance' | 'secret' | 'open' | 'skips'> = {
  instance: 'bedrock',
  secret,
  open: (url) =>
    provider.create(
      'bedrock',
      provider.settings.parse({
        region: 'us-east-1',
        endpoint: `${url}/~bedrock`,
        access_key_id: 'AKIDEXAMPLE',
        secret_access_key: secret,
        batch: {
          s3: 's3://acme-batch/intermodal',
          role_arn: 'arn:aws:iam::111122223333:role/batch',
          endpoint: `${url}/~bedrock`,
          s3_endpoint: `${url}/~s3`,
          path_style: true,
        },
      }),
      { env: {}, clock: systemClock },
    ),
  skips: {
    'expired-items': 'a record that was not processed is in no file',
    'cancelled-items': 'a record that was not processed is in no file',
  },
};

testBatchEndpoint({
  ...account,
  name: 'bedrock, Claude',
  model: 'us.anthropic.claude-haiku-4-5-20251001-v1:0',
  embeddingModel: 'amazon.titan-embed-text-v2:0',
});

testBatchEndpoint({
  ...account,
  name: 'bedrock, Nova',
  model: 'us.amazon.nova-micro-v1:0',
  skips: { ...account.skips, embeddings: 'run with Claude: the same models' },
});
