/** How a call to AWS proves who sends it: a Bedrock API key as a bearer token, or a signature with AWS's keys. */
import { type AuthWorld, createKeySource } from './credentials.ts';
import type { Settings } from './settings.ts';
import { type Authorize, createSigner } from './signer.ts';

/** A configured API key wins, then configured keys, profile or role, then the environment's API key, then AWS's default chain. */
export function createAuth(configured: Settings, region: string, world: AuthWorld): Authorize {
  const token = findToken(configured, world.env);
  if (token !== undefined) {
    const authorization = `Bearer ${token}`;
    return (request) => ({ ...request, headers: { ...request.headers, authorization } });
  }
  return createSigner('bedrock', region, world.clock, createKeySource(configured, region, world));
}

/** The API key that is sent, where one is. */
export function findToken(configured: Settings, env: AuthWorld['env']): string | undefined {
  const ownKeys = configured.access_key_id ?? configured.profile ?? configured.role_arn;
  const token =
    configured.bearer_token ?? (ownKeys === undefined ? env['AWS_BEARER_TOKEN_BEDROCK'] : undefined);
  return token === '' ? undefined : token;
}
