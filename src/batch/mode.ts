/** Names of targets in other modes. */
import { parseTarget, writeTarget } from '../core/target.ts';

/** The same target in another mode. */
export function withMode(name: string, mode: 'sync' | 'batch'): string {
  const parsed = parseTarget(name);
  return parsed === undefined ? name : writeTarget({ ...parsed, mode });
}
