/** What is added up of one lane: of the lines that are sent, of their twins, of those that a rule answers. */
import type { Target } from '../../router/chain/contract.ts';
import type { Lane } from '../contract.ts';
import type { Tally } from './tally.ts';
import type { LaterWave } from './waves.ts';

export interface LaneTallies {
  readonly lane: Lane;
  /** The target that its items end up at. */
  target: Target | undefined;
  readonly sent: Tally;
  readonly twins: Tally;
  readonly ruled: Tally;
  /** What may better its answers, once all lines are read. */
  waves: readonly LaterWave[];
}
