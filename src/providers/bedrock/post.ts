/** One authenticated call to a model, whatever its body is. */
import type { ModelInfo } from '../../core/model.ts';
import type { WireRequest } from '../contract.ts';
import type { BaseUrl } from '../families/base-url.ts';
import { modelPath } from './address.ts';
import type { Authorize } from './signer.ts';

export type Post = (
  model: ModelInfo,
  verb: string,
  body: string | Uint8Array,
  options: { readonly stream: boolean; readonly headers: Readonly<Record<string, string>> },
) => WireRequest | Promise<WireRequest>;

export function createPost(base: BaseUrl, authorize: Authorize): Post {
  return (model, verb, body, { stream, headers }) =>
    authorize({
      method: 'POST',
      origin: base.origin,
      path: modelPath(base, model, verb),
      headers: {
        ...headers,
        'content-type': 'application/json',
        accept: stream ? 'application/vnd.amazon.eventstream' : 'application/json',
      },
      body,
    });
}
