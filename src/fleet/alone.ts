/** Wake-ups of a gateway that works alone: it knows when its own rows are due, so only what is due now is told, and at once. */
import type { Clock } from '../core/clock.ts';
import type { Look, WakeUps } from './contract.ts';

export function createWakeUps(clock: Clock): WakeUps {
  const looks = new Set<Look>();
  return {
    at(_name, dueAtMs) {
      if (dueAtMs <= clock.now()) for (const look of looks) void look();
    },
    onWake(look) {
      looks.add(look);
      return () => looks.delete(look);
    },
    shared: false,
    async close() {
      looks.clear();
    },
  };
}
