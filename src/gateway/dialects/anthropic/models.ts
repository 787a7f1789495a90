/** `/v1/models` in Anthropic's shape, for callers whose headers say that they speak it. */
import type { ListedModel, ModelList } from '../contract.ts';
import { encodeError } from './errors.ts';

export const models: ModelList = {
  id: 'anthropic',
  claims: (headers) => headers['anthropic-version'] !== undefined || headers['x-api-key'] !== undefined,
  list: (list) => ({
    data: list.map(one),
    has_more: false,
    first_id: list[0]?.id ?? null,
    last_id: list.at(-1)?.id ?? null,
  }),
  one,
  encodeError,
};

function one(model: ListedModel): object {
  return {
    type: 'model',
    id: model.id,
    display_name: model.id,
    created_at: new Date(model.createdAtS * 1000).toISOString(),
  };
}
