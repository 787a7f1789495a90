/** Any model by Converse: one shape for all of them. */
import type { ModelInfo } from '../../core/model.ts';
import type { ChatEndpoint } from '../contract.ts';
import { createConverseCodec } from '../families/converse/codec.ts';
import { errorRows } from './errors.ts';
import type { Post } from './post.ts';

export function createConverseChat(model: ModelInfo, post: Post, now: () => number): ChatEndpoint {
  return {
    ...createConverseCodec(model, { errorRows, now }),
    request: (body, { stream, headers }) =>
      post(model, stream ? 'converse-stream' : 'converse', body, { stream, headers }),
  };
}
