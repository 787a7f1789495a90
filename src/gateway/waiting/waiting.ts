/** What the gateway is given for requests whose callers do not hold the line. */
import type { QueueDesk } from '../../queue/contract.ts';
import type { Considered, Route } from '../../router/contract.ts';

export interface Waiting {
  readonly desk: QueueDesk;
  /** Whether a batch API of the route takes it. */
  batchable(request: Considered, route: Route): boolean;
  /** Why a webhook may not have this URL; nothing where it may. */
  webhookProblem(url: string): string | undefined;
  /** More than this that wait, and others are refused until some have been taken. */
  readonly mostOpen: number;
}
