/** The route that a request names, or what to tell its caller. */
import { GatewayError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Policy, Route } from './contract.ts';

/** Throws `model_not_found`, naming the nearest. */
export function findRoute(policy: Policy, model: string): Route {
  const route = policy.find(model);
  if (route !== undefined) return route;
  const guess = nearest(model, policy.names);
  const hint = guess === undefined ? '' : ` Did you mean "${guess}"?`;
  throw new GatewayError('model_not_found', `No route or model is named "${model.slice(0, 200)}".${hint}`, {
    param: 'model',
  });
}
