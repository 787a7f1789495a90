/** A provider's base URL, cut once into what a `WireRequest` wants. */
import { z } from 'zod';

export interface BaseUrl {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path in front of every call, without a slash at its end; often empty. */
  readonly prefix: string;
}

export function splitBaseUrl(text: string): BaseUrl {
  const url = new URL(text);
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') };
}

/** For settings: an http or https URL without query. */
export const baseUrlSchema = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL such as https://api.example.com/v1' })
  .refine((text) => !/[?#]/.test(text), { error: 'must have no query and no fragment' });
