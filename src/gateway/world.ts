/** What the gateway is given by whoever starts it. */

import type { IncomingMessage } from 'node:http';
import type { Calibration } from '../catalog/calibration.ts';
import type { Clock, Random } from '../core/clock.ts';
import type { MakeId } from '../core/ids.ts';
import type { Limits } from '../limits/contract.ts';
import type { CanaryWatch } from '../router/canary/watch.ts';
import type { Policy, Upstream } from '../router/contract.ts';
import type { DecisionQuery, Decisions } from '../router/decisions.ts';
import type { ExchangeWorld } from '../router/exchange.ts';
import type { GateWorld } from '../router/gate.ts';
import type { Health } from '../router/health.ts';
import type { WalkWorld } from '../router/progress.ts';
import type { Ledger } from '../stores/contract.ts';
import type { GatewayMetrics } from '../telemetry/gateway-metrics.ts';
import type { LedgerWriter } from '../telemetry/ledger-writer.ts';
import type { Log } from '../telemetry/log.ts';
import type { BatchFolder, BatchWorld } from './batches/contract.ts';
import type { CascadeWorld } from './cascade/world.ts';
import type { DialectFolder } from './dialects/contract.ts';
import type { Answers } from './kept-answers.ts';
import type { KeyRing } from './key-ring.ts';
import type { Readiness } from './readiness.ts';
import type { Waiting } from './waiting/waiting.ts';

/** Whether the config file on disk is the one that runs. */
export interface ConfigStatus {
  readonly version: number;
  readonly loadedAtMs: number;
  /** Why the newest file was refused; empty while the running config is the file's. */
  readonly problems: readonly string[];
  /** Providers that cannot work as configured. */
  readonly warnings: readonly string[];
}

export interface GatewayWorld {
  /** The policy of now; a request keeps the one that it began with. */
  readonly policy: () => Policy;
  readonly configStatus: () => ConfigStatus;
  readonly dialects: readonly DialectFolder[];
  readonly upstream: Upstream;
  readonly health: Health;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly log: Log;
  readonly maxBodyBytes: number;
  readonly version: string;
  readonly keys: KeyRing;
  readonly limits: Limits;
  readonly estimates: Calibration;
  readonly gate: GateWorld;
  readonly exchange: ExchangeWorld;
  readonly walk: WalkWorld;
  /** Answers that are given again, on routes that keep them. */
  readonly answers: Answers;
  readonly ledger: LedgerWriter;
  /** What the ledger holds, for the admin endpoints. */
  readonly spending: Ledger;
  readonly metrics: GatewayMetrics;
  readonly cascades: CascadeWorld;
  /** Requests whose callers do not hold the line; absent: none are taken. */
  readonly queue?: {
    health(): { readonly waiting: number; readonly calling: number; readonly oldestMs: number };
  };
  /** Absent: every caller holds the line. */
  readonly waiting?: Waiting;
  readonly canaries: CanaryWatch;
  readonly readiness: Readiness;
  /** The latest, for the admin endpoints. */
  readonly decisions: Decisions;
  /** As the admin endpoints tell them, of all processes that serve as one. Absent: there is this one. */
  readonly decisionsOfAll?: (query: DecisionQuery) => Promise<readonly object[] | undefined>;
  /** Absent: nothing behind the ways in for batches, and they are not served. */
  readonly batches?: {
    readonly world: BatchWorld;
    readonly folders: readonly BatchFolder[];
    /** A provider says that a job has ended. False: nobody says so who may. */
    hear?(
      provider: string,
      call: { readonly body: Uint8Array; readonly headers: IncomingMessage['headers'] },
    ): Promise<boolean>;
  };
}
