/** How serving a request ended, for its line in the log and its decision. */
import type { AttemptRecord } from '../router/contract.ts';
import type { Decided, Notes } from '../router/decisions.ts';

export interface Ended {
  readonly outcome: string;
  readonly code: string | undefined;
  readonly tried: readonly AttemptRecord[];
  /** Absent where no target was looked at. */
  readonly decided: Decided | undefined;
  /** What features have to say of the request, for its decision. */
  readonly notes?: Notes;
}
