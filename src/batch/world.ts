/** What the rooms of the batch road are given. */
import type { Calibration } from '../catalog/calibration.ts';
import type { Clock, Random } from '../core/clock.ts';
import type { MakeId } from '../core/ids.ts';
import type { WakeUps } from '../fleet/contract.ts';
import type { Limits } from '../limits/contract.ts';
import type { Thresholds } from '../router/cascade/threshold.ts';
import type { Caller, Policy } from '../router/contract.ts';
import type { ExchangeWorld } from '../router/exchange.ts';
import type { GateWorld } from '../router/gate.ts';
import type { WalkWorld } from '../router/progress.ts';
import type { BatchStores } from '../stores/batch/contract.ts';
import type { Blobs } from '../stores/contract.ts';
import type { LabelStore } from '../stores/routing/contract.ts';
import type { CascadeMetrics } from '../telemetry/cascade-metrics.ts';
import type { LedgerWriter } from '../telemetry/ledger-writer.ts';
import type { Log } from '../telemetry/log.ts';
import type { BatchEvents } from './alerts.ts';
import type { CompiledRules } from './prefilter.ts';
import type { Room } from './room.ts';
import type { BatchSettings } from './settings.ts';
import type { BatchShape } from './shape/contract.ts';

/** Who pays for a batch: the key of its owner, as it is now. */
export interface Payer {
  readonly caller: Caller;
  /** Whether the key may use a route or model. */
  mayUse(route: string, model: string): boolean;
}

/** A named place on the road, for those who watch it or break it there. */
export type Step = (place: string) => void | Promise<void>;

/** What cascades share with those of single requests. */
export interface BatchCascades {
  readonly thresholds: Pick<Thresholds, 'of' | 'heard'>;
  readonly metrics: Pick<CascadeMetrics, 'answer' | 'audit'>;
  readonly audits: {
    /** False: there is no room. `run` must not reject. */
    offer(bytes: number, run: () => Promise<void>): boolean;
    /** Calls back when the gateway stops. The answer unsubscribes. */
    onClose(callback: () => void): () => void;
  };
}

export interface BatchWorldInside {
  readonly rows: BatchStores;
  readonly blobs: Blobs;
  readonly shapes: ReadonlyMap<string, BatchShape>;
  readonly policy: () => Policy;
  readonly settings: () => BatchSettings;
  readonly cascades: BatchCascades;
  /** Where what cascades learn is kept. */
  readonly labels: Pick<LabelStore, 'add'>;
  readonly prefilter: () => CompiledRules;
  /** `undefined`: no keys are asked for. Throws `forbidden` where the owner's key is gone. */
  readonly payer: (owner: string) => Payer | undefined;
  readonly limits: Limits;
  readonly room: Room;
  readonly estimates: Calibration;
  readonly gate: GateWorld;
  readonly exchange: ExchangeWorld;
  readonly walk: WalkWorld;
  readonly ledger: Pick<LedgerWriter, 'append' | 'flush'>;
  readonly events: BatchEvents;
  readonly webhookProblem: (url: string) => string | undefined;
  readonly wakeUps: WakeUps;
  readonly clock: Clock;
  readonly random: Random;
  readonly makeId: MakeId;
  readonly log: Log;
  /** Somewhere on this machine's disk, for files of one step; empty at start. */
  readonly scratch: string;
  readonly at: Step;
}
