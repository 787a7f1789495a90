/** A reseller that has a batch API and no other: chunks of items in, results by id out. */
import { GatewayError } from '../../core/errors.ts';
import { type ChatEndpoint, defineProvider, type FailedResponse, type Provider } from '../contract.ts';
import { splitBaseUrl } from '../families/base-url.ts';
import { readChatError } from '../families/openai-chat/errors.ts';
import { secretFrom } from '../families/secret.ts';
import { createBatch } from './batch.ts';
import { createOpen } from './batch-client.ts';
import { createJobsCodec } from './codec.ts';
import { errorRows } from './errors.ts';
import { createPrices } from './prices.ts';
import { type Settings, settings } from './settings.ts';
import { readWebhook } from './webhook.ts';

export const provider = defineProvider<Settings>({
  type: 'jobs',
  settings,
  standIn: (address) => ({ api_key: 'simulated', base_url: `${address}/v1`, webhook: undefined }),
  create(name, configured, world) {
    const { origin, prefix } = splitBaseUrl(configured.base_url);
    const { clock } = world;
    // Anew for every call, since a key may be changed while jobs run.
    const secret = () => secretFrom(name, configured.api_key, world.env, 'JOBS_API_KEY', 'api_key');
    const readError = (response: FailedResponse) => readChatError(errorRows, response, clock.now());
    const open = createOpen({ baseUrl: origin + prefix, key: () => secret().read(), readError, clock });
    const { warning } = secret();
    return {
      name,
      type: 'jobs',
      batchOnly: true,
      ...(warning === undefined ? {} : { warning }),
      chat: (model): ChatEndpoint => ({
        ...createJobsCodec(model, { task: configured.task, now: clock.now }),
        request() {
          throw new GatewayError(
            'unsupported',
            `Provider "${name}" has a batch API alone: name ${name}/${model.id}@batch, and send a batch.`,
          );
        },
      }),
      batch: (model, operation) =>
        operation === 'chat'
          ? createBatch({ open, settings: configured, model: model.id, clock })
          : undefined,
      ...webhookOf(configured),
      price: createPrices(),
    };
  },
});

/** None without a secret: what is not signed, anybody may have sent. */
function webhookOf({ webhook }: Settings): Pick<Provider, 'readWebhook'> {
  const secret = webhook?.secret;
  if (webhook === undefined || secret === undefined) return {};
  const header = webhook.signature_header.toLowerCase();
  return {
    readWebhook({ body, headers }) {
      const given = headers[header];
      return readWebhook({ body, signature: typeof given === 'string' ? given : undefined }, secret);
    },
  };
}
