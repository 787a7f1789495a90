/** Google Vertex AI: Gemini and Claude under one project. A model whose name begins with `claude` is Claude. */
import { asString, isObject } from '../../core/json.ts';
import { defineProvider } from '../contract.ts';
import { createAddress } from './address.ts';
import { createAuth, inlineCredentials } from './auth.ts';
import { createBatches } from './batches.ts';
import { createClaudeChat, createClaudeCount, isClaude } from './claude.ts';
import { createGeminiChat, createGeminiCount, createGeminiEmbeddings, createGeminiFlex } from './gemini.ts';
import { createPost } from './post.ts';
import { createPrices } from './prices.ts';
import { type Settings, settings } from './settings.ts';

export const provider = defineProvider<Settings>({
  type: 'vertex',
  settings,
  standIn: (address, { project = 'simulated', batch }) => ({
    project,
    access_token: 'simulated',
    credentials: undefined,
    api_key: undefined,
    base_url: address,
    ...(isObject(batch) ? { batch: { ...batch, base_url: undefined } } : {}),
  }),
  create(name, configured, world) {
    const { now } = world.clock;
    const project = findProject(configured, world.env);
    const address = createAddress(configured, project);
    const authenticate = createAuth(configured, world);
    const post = createPost(name, address, authenticate);
    const batch = createBatches(configured, project, authenticate, world.clock);
    return {
      name,
      type: 'vertex',
      ...(address === undefined
        ? { warning: `provider "${name}" has no project: set GOOGLE_CLOUD_PROJECT or project` }
        : {}),
      chat: (model) => (isClaude(model) ? createClaudeChat : createGeminiChat)(model, post, now),
      ...(configured.location === 'global'
        ? { flex: (model) => (isClaude(model) ? undefined : createGeminiFlex(model, post, now)) }
        : {}),
      embeddings: (model) => createGeminiEmbeddings(model, post, now),
      countTokens: (model) => (isClaude(model) ? createClaudeCount : createGeminiCount)(model, post, now),
      ...(batch === undefined ? {} : { batch }),
      price: createPrices(configured.location, now),
    };
  },
});

function findProject(
  configured: Settings,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const found =
    configured.project ??
    env['GOOGLE_CLOUD_PROJECT'] ??
    asString(inlineCredentials(configured.credentials)?.['project_id']);
  return found === '' ? undefined : found;
}
