/** OpenAI's batches keep the contract. */
import { testBatchEndpoint } from '../../../test/support/batch-endpoint-suite.ts';
import { systemClock } from '../../core/clock.ts';
import { provider } from './index.ts';

testBatchEndpoint({
  name: 'openai',
  instance: 'openai',
  model: 'gpt-4.1-mini',
  embeddingModel: 'text-embedding-3-small',
  secret: 'sk-secret-of-the-account',
  open: (url) =>
    provider.create(
      'openai',
      {
        api_key: 'sk-secret-of-the-account',
        base_url: `${url}/v1`,
        organization: 'org-ours',
        project: 'proj-ours',
      },
      { env: {}, clock: systemClock },
    ),
});
