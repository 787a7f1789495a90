/** Azure's limits: resets without a unit, the period beside them, and -1 for what it does not know. */
import { createLimitReader, plainLimits } from '../families/openai-chat/limits.ts';

export const readLimits = createLimitReader({ ...plainLimits, tellsPeriod: true, bareReset: 'mixed' });
