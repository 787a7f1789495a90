/** What deciding goes by beside health, put together of what a gateway has. */
import type { CanaryWatch } from './canary/watch.ts';
import type { World } from './decide.ts';
import type { Health } from './health.ts';

export interface SightParts {
  readonly health: Health;
  readonly canaries?: CanaryWatch;
  readonly measures?: World['measures'];
}

export function createSight({ health, canaries, measures }: SightParts): World {
  return {
    view: health.view,
    ...(measures === undefined ? {} : { measures }),
    ...(canaries === undefined
      ? {}
      : { arm: (request, route) => (route.canary === undefined ? 'usual' : canaries.arm(request, route)) }),
  };
}
