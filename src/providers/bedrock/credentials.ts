/**
 * Where AWS keys come from: the config, the environment, else AWS's own default chain (shared config, SSO, web identity, container,
 * instance), which is loaded with the first call that needs it. Temporary keys are fetched again before they end. A role, where one is
 * configured, is assumed with these keys.
 */
import type { Clock } from '../../core/clock.ts';
import { GatewayError } from '../../core/errors.ts';
import { awsAddress } from './address.ts';
import type { Settings } from './settings.ts';
import { createSigner, type KeySource, type Keys } from './signer.ts';

export interface AuthWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** Asked for anew this long before they end, so that a call in flight does not outlive its keys. */
const marginMs = 5 * 60_000;
/** For keys that do not say when they end: a shared credentials file may be rewritten at any time. */
const assumedLifeMs = 15 * 60_000;
/** A credential source answers at once; one that does not must not hold every later call in the same wait. */
const fetchTimeoutMs = 15_000;

export function createKeySource(configured: Settings, region: string, world: AuthWorld): KeySource {
  const { env, clock } = world;
  const fixed = configuredKeys(configured) ?? environmentKeys(configured, env);
  const base: KeySource =
    fixed === undefined ? cachedKeys(clock, () => fetchFromChain(configured.profile)) : async () => fixed;
  const { role_arn: role } = configured;
  if (role === undefined) return base;
  return cachedKeys(clock, () => assumeRole(role, base, region, world));
}

function configuredKeys({
  access_key_id: accessKeyId,
  secret_access_key: secretAccessKey,
  session_token: sessionToken,
}: Settings): Keys | undefined {
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

/** As AWS's chain does it: a named profile goes before keys in the environment. */
function environmentKeys({ profile }: Settings, env: AuthWorld['env']): Keys | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_PROFILE: named } = env;
  if (profile !== undefined || !isSet(accessKeyId) || !isSet(secretAccessKey) || isSet(named))
    return undefined;
  const sessionToken = env['AWS_SESSION_TOKEN'];
  return { accessKeyId, secretAccessKey, ...(isSet(sessionToken) ? { sessionToken } : {}) };
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

/** One fetch at a time, whatever the number of callers. A failed one is tried again by the next call. */
function cachedKeys(clock: Clock, fetchKeys: KeySource): KeySource {
  let current: { readonly keys: Keys; readonly untilMs: number } | undefined;
  let fetching: Promise<Keys> | undefined;
  return () => {
    if (current !== undefined && current.untilMs > clock.now()) return Promise.resolve(current.keys);
    fetching ??= within(clock, fetchKeys())
      .then((keys) => {
        const endMs = keys.expiration?.getTime();
        current = { keys, untilMs: endMs === undefined ? clock.now() + assumedLifeMs : endMs - marginMs };
        return keys;
      })
      .finally(() => {
        fetching = undefined;
      });
    return fetching;
  };
}

async function fetchFromChain(profile: string | undefined): Promise<Keys> {
  try {
    const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
    return await defaultProvider(profile === undefined ? {} : { profile })();
  } catch (cause) {
    throw new GatewayError(
      'upstream_auth',
      'No AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_BEARER_TOKEN_BEDROCK, or the provider’s own settings.',
      { cause },
    );
  }
}

/**
 * STS AssumeRole, by its query API: one signed form, four fields of the answer. AWS's client for it is no dependency of ours, and this is
 * all that would be used of it.
 */
async function assumeRole(role: string, base: KeySource, region: string, world: AuthWorld): Promise<Keys> {
  const sign = createSigner('sts', region, world.clock, base);
  const { origin } = new URL(world.env['AWS_ENDPOINT_URL_STS'] ?? awsAddress('sts', region));
  const form = new URLSearchParams({
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: 'intermodal',
  });
  const { headers, body } = await sign({
    method: 'POST',
    origin,
    path: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });
  const signal = AbortSignal.timeout(fetchTimeoutMs);
  const response = await fetch(`${origin}/`, { method: 'POST', headers, body, signal }).catch(
    (cause: unknown) => {
      throw new GatewayError('upstream_auth', 'AWS STS could not be reached to assume the role.', { cause });
    },
  );
  const text = await response.text();
  const keys = response.ok ? readAssumedRole(text) : undefined;
  if (keys !== undefined) return keys;
  throw new GatewayError(
    'upstream_auth',
    `AWS STS did not let us assume the configured role (status ${response.status}).`,
  );
}

function readAssumedRole(xml: string): Keys | undefined {
  const field = (name: string): string | undefined => new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml)?.[1];
  const accessKeyId = field('AccessKeyId');
  const secretAccessKey = field('SecretAccessKey');
  const sessionToken = field('SessionToken');
  const expiration = new Date(field('Expiration') ?? '');
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    return undefined;
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    ...(Number.isNaN(expiration.getTime()) ? {} : { expiration }),
  };
}

function within<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(fetchTimeoutMs, () =>
      reject(new GatewayError('upstream_auth', `No AWS credentials came within ${fetchTimeoutMs / 1000} s.`)),
    );
    work.then(resolve, reject).finally(cancel);
  });
}
