/** What gateways that work on the same rows tell each other. */

export type Look = () => Promise<void>;

/**
 * Hints that something is due, for whoever is free to do it. A hint may come late, twice or never, and changes nothing by itself: the
 * rows are the truth, and whoever is woken asks them. So losing all hints loses time alone.
 */
export interface WakeUps {
  /** Something of that name is due then. Never fails, and is not waited for. */
  at(name: string, dueAtMs: number): void;
  /**
   * Calls back when something may be due. What it answers resolves once somebody here looks at the rows; until then further hints are
   * left to other processes. The answer unsubscribes.
   */
  onWake(look: Look): () => void;
  /** Whether hints of other processes come here now; while they do, the rows need be looked at only now and then. */
  readonly shared: boolean;
  close(): Promise<void>;
}
