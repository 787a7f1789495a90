/** What arrived, for tests and proofs: the last ten thousand requests. */
export interface Arrival {
  readonly number: number;
  readonly instance: string;
  readonly api: string;
  readonly model: string;
  readonly operation: string;
  readonly stream: boolean;
  readonly atMs: number;
  fault: string | undefined;
  status: number;
  answerId: string | undefined;
  outputTokens: number;
  /** The whole answer was sent. */
  complete: boolean;
  /** The caller went before the end. */
  aborted: boolean;
}

const most = 10_000;

export interface ArrivalLog {
  add(
    arrival: Omit<
      Arrival,
      'number' | 'fault' | 'status' | 'answerId' | 'outputTokens' | 'complete' | 'aborted'
    >,
  ): Arrival;
  list(): readonly Arrival[];
  counts(): Readonly<Record<string, { total: number; complete: number; failed: number }>>;
  clear(): void;
}

export function createArrivalLog(): ArrivalLog {
  let arrivals: Arrival[] = [];
  let number = 0;
  return {
    add(arrival) {
      const entry: Arrival = {
        ...arrival,
        number: ++number,
        fault: undefined,
        status: 0,
        answerId: undefined,
        outputTokens: 0,
        complete: false,
        aborted: false,
      };
      arrivals.push(entry);
      if (arrivals.length > most * 2) arrivals = arrivals.slice(-most);
      return entry;
    },
    list: () => arrivals.slice(-most),
    counts() {
      const counts: Record<string, { total: number; complete: number; failed: number }> = {};
      for (const arrival of arrivals) {
        const count = counts[arrival.instance] ?? { total: 0, complete: 0, failed: 0 };
        counts[arrival.instance] = count;
        count.total += 1;
        if (arrival.complete && arrival.status < 400) count.complete += 1;
        else count.failed += 1;
      }
      return counts;
    },
    clear() {
      arrivals = [];
    },
  };
}
