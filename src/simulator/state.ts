/** What a running simulator knows: the plan, what came of it, and what it bills. */
import type { Clock } from '../core/clock.ts';
import { createLineArchive } from './batches/archive.ts';
import { createEngine, type OwnedEngine } from './batches/engine.ts';
import { createFaults, type FaultPlan, type Faults } from './faults.ts';
import { createInvoice } from './invoice.ts';
import { createLimits, type Limits } from './limits.ts';
import { createArrivalLog } from './log.ts';

export class State {
  readonly clock: Clock;
  readonly log = createArrivalLog();
  readonly invoice = createInvoice(createLineArchive());
  readonly batches: OwnedEngine;
  plan: FaultPlan;
  faults: Faults;
  limits: Limits;

  constructor(clock: Clock, plan: FaultPlan) {
    this.clock = clock;
    this.plan = plan;
    this.faults = createFaults(plan);
    this.limits = createLimits(plan.limits, clock);
    this.batches = createEngine({ clock, invoice: this.invoice, plan });
  }

  /** Buckets begin full again; the log, the invoice and batch jobs go on. */
  set(plan: FaultPlan): void {
    this.plan = plan;
    this.faults = createFaults(plan);
    this.limits = createLimits(plan.limits, this.clock);
    this.batches.setPlan(plan);
  }

  /** Removes what is on disk. */
  close(): void {
    this.batches.close();
    this.invoice.clear();
  }
}
