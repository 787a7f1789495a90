/** Where Vertex AI serves a model. */
import type { WireRequest } from '../contract.ts';
import { type BaseUrl, splitBaseUrl } from '../families/base-url.ts';
import type { Settings } from './settings.ts';

export type Publisher = 'google' | 'anthropic';

/** `verb` with its query, such as `streamGenerateContent?alt=sse`. */
export type AddressOf = (
  publisher: Publisher,
  model: string,
  verb: string,
) => Pick<WireRequest, 'origin' | 'path'>;

/** `undefined` where there is no project and no express key: nothing can be addressed then. */
export function createAddress(configured: Settings, project: string | undefined): AddressOf | undefined {
  const { origin, prefix } = baseOf(configured);
  const express = configured.api_key !== undefined && configured.project === undefined;
  if (!express && project === undefined) return undefined;
  const parent = express
    ? ''
    : `/projects/${encodeURIComponent(project ?? '')}/locations/${configured.location}`;
  return (publisher, model, verb) => ({
    origin,
    path: `${prefix}/v1${parent}/publishers/${publisher}/models/${encodeModel(model)}:${verb}`,
  });
}

/** Where jobs are made; a key of express mode makes none. */
export function jobsAddress(
  configured: Settings,
  project: string | undefined,
):
  | { readonly base: { readonly origin: string; readonly path: string }; readonly parent: string }
  | undefined {
  if (project === undefined || configured.api_key !== undefined) return undefined;
  const { origin, prefix } = baseOf(configured);
  return {
    base: { origin, path: `${prefix}/v1` },
    parent: `projects/${encodeURIComponent(project)}/locations/${configured.location}`,
  };
}

/** Regions have a host each; the multi-regions and the global location have their own forms. */
function baseOf({ base_url: configured, location }: Settings): BaseUrl {
  if (configured !== undefined) return splitBaseUrl(configured);
  if (location === 'global') return { origin: 'https://aiplatform.googleapis.com', prefix: '' };
  if (location === 'us' || location === 'eu')
    return { origin: `https://aiplatform.${location}.rep.googleapis.com`, prefix: '' };
  return { origin: `https://${location}-aiplatform.googleapis.com`, prefix: '' };
}

/** Claude's versions are written `name@date`, with the sign as it is. */
function encodeModel(model: string): string {
  return encodeURIComponent(model).replaceAll('%40', '@');
}
