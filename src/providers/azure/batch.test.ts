/** Azure's batches keep the contract. */
import { testBatchEndpoint } from '../../../test/support/batch-endpoint-suite.ts';
import { systemClock } from '../../core/clock.ts';
import { provider } from './index.ts';
import { settings } from './settings.ts';

testBatchEndpoint({
  name: 'azure',
  instance: 'azure',
  model: 'gpt-4.1-mini',
  embeddingModel: 'text-embedding-3-small',
  secret: 'secret-of-the-resource',
  open: (url) =>
    provider.create(
      'azure',
      settings.parse({
        endpoint: url,
        api_key: 'secret-of-the-resource',
        deployments: { 'gpt-4.1-mini': 'mini' },
        batch: { embeddings: true },
      }),
      { env: {}, clock: systemClock },
    ),
});
