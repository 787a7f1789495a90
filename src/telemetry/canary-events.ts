/** What operators are told of canaries: each phase, each end, and why one was rolled back. */
import type { CanaryEvents } from '../router/canary/contract.ts';
import type { Log } from './log.ts';

export function canaryEvents(log: Log): CanaryEvents {
  return {
    changed(route, state, gate) {
      switch (state.kind) {
        case 'running':
          log.info({ route, phase: state.phase + 1, share: state.share }, 'a canary is in a phase');
          break;
        case 'done':
          log.info({ route, share: state.share }, 'a canary is through');
          break;
        case 'rolled-back':
          log.warn({ route, why: state.why, gate }, 'a canary is rolled back: nothing goes to it any more');
      }
    },
    trouble(error, route) {
      log.error(
        { err: error, route },
        'how the canary of a route stands cannot be read or written; tried again',
      );
    },
  };
}
