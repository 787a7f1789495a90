/** Where Bedrock answers: region, address, and a model's path. */
import type { ModelInfo } from '../../core/model.ts';
import { type BaseUrl, splitBaseUrl } from '../families/base-url.ts';
import type { Settings } from './settings.ts';

export const defaultRegion = 'us-east-1';

type Env = Readonly<Record<string, string | undefined>>;

/** `undefined` where neither the config nor the environment says. */
export function findRegion(configured: Settings, env: Env): string | undefined {
  const found = configured.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  return found === '' ? undefined : found;
}

export function findAddress(configured: Settings, region: string, env: Env): BaseUrl {
  return splitBaseUrl(
    configured.endpoint ??
      configured.base_url ??
      env['AWS_ENDPOINT_URL_BEDROCK_RUNTIME'] ??
      awsAddress('bedrock-runtime', region),
  );
}

/** China is a partition of its own, with its own domain. */
export function awsAddress(service: string, region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** Ids may be inference profiles or ARNs: their `:` and `/` are data. */
export function modelPath({ prefix }: BaseUrl, model: ModelInfo, verb: string): string {
  return `${prefix}/model/${encodeURIComponent(model.id)}/${verb}`;
}
