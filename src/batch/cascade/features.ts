/** What is kept of an item beside its label, for learning. */
import { createPacker } from '../../router/complexity/features.ts';
import type { Route } from '../../router/contract.ts';
import type { ItemCall } from '../shape/contract.ts';

const pack = createPacker();

export function featuresFor(call: ItemCall, { complexity }: Pick<Route, 'complexity'>): string | undefined {
  return pack(call.prompt?.(complexity.mostChars));
}
