/** What the gateway is given for requests whose callers do not hold the line. */
import type { QueueDesk } from '../../queue/contract.ts';
import type { Considered, Route } from '../../router/contract.ts';

export interface Waiting {
  readonly desk: QueueDesk;
  /** Whether a batch API of the route takes it. */
  batchable(request: Considered, route: Route): boolean;
  /** Why a webhook may not have this URL; nothing where it may. */
  webhookProblem(url: string): string | undefined;
  /** Requests that have not ended, as they were counted last. */
  readonly open: { readonly queue: number; readonly batch: number; readonly oldestAtMs?: number };
  /** More than this are refused until some have ended. */
  readonly mostOpen: number;
}
