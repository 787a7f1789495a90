/** The states of requests in the words that callers know from jobs that run in the background. */
import type { QueuedState } from './contract.ts';

export type Status = 'queued' | 'in_progress' | 'completed' | 'failed' | 'cancelled';

export function statusOf(state: QueuedState): Status {
  switch (state) {
    case 'waiting':
    case 'gathered':
      return 'queued';
    case 'calling':
    case 'batched':
      return 'in_progress';
    case 'answered':
      return 'completed';
    case 'failed':
    case 'cancelled':
      return state;
  }
}
