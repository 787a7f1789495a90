/** In which order a route's candidates are tried, as a user writes it. */
import { z } from 'zod';
import { orders } from '../../router/contract.ts';

export const order = z
  .enum(orders)
  .default('listed')
  .describe(
    'Which candidate is tried first: as listed, the cheapest for the request, the one measured fastest, or the one with most of its limits free.',
  );

export const sticky = z
  .boolean()
  .default(true)
  .describe(
    'Whether a conversation stays with the target whose prompt cache it has warmed, where that is cheaper. Not for order listed.',
  );
