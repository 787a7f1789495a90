/** Wake-ups of a gateway that works alone: it knows when its own rows are due, so only what is due now is told, and at once. */
import type { Clock } from '../core/clock.ts';
import type { WakeUps } from './contract.ts';

export function createWakeUps(clock: Clock): WakeUps {
  const callbacks = new Set<() => void>();
  return {
    at(_name, dueAtMs) {
      if (dueAtMs <= clock.now()) for (const callback of callbacks) callback();
    },
    onWake(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    shared: false,
    async close() {
      callbacks.clear();
    },
  };
}
