/** `/v1/models` in OpenAI's shape; also what callers get who do not say whose shape they want. */
import type { Model } from 'openai/resources/models';
import type { ListedModel, ModelList } from '../contract.ts';
import { encodeChatError } from './chat/errors.ts';

export const models: ModelList = {
  id: 'openai',
  claims: (headers) => headers['anthropic-version'] === undefined && headers['x-api-key'] === undefined,
  list: (list) => ({ object: 'list', data: list.map(one) }),
  one,
  encodeError: encodeChatError,
};

function one(model: ListedModel): object {
  return {
    id: model.id,
    object: 'model',
    created: model.createdAtS,
    owned_by: model.ownedBy,
  } satisfies Model;
}
