/** On what terms something is asked for, in the headers that are the gateway's own. */
import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../core/errors.ts';
import type { Priority } from '../core/facts.ts';
import { durationMs } from '../wire/retry-after.ts';

export interface Terms {
  readonly tags: readonly string[];
  readonly priority: Priority;
  /** Until the answer is needed. */
  readonly budgetMs?: number;
}

const noTags: readonly string[] = [];

/** Throws `invalid_request`. */
export function readTerms(headers: IncomingHttpHeaders): Terms {
  const budgetMs = readDeadline(headers);
  return {
    tags: readTags(headers),
    priority: readPriority(headers),
    ...(budgetMs === undefined ? {} : { budgetMs }),
  };
}

function readTags(headers: IncomingHttpHeaders): readonly string[] {
  const text = headers['x-intermodal-tags'];
  if (typeof text !== 'string') return noTags;
  return text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}

function readPriority(headers: IncomingHttpHeaders): Priority {
  const text = headers['x-intermodal-priority'];
  if (text === undefined || text === 'normal') return 'normal';
  if (text === 'high' || text === 'low') return text;
  throw new GatewayError(
    'invalid_request',
    `x-intermodal-priority is "${String(text)}"; it may be high, normal or low.`,
  );
}

function readDeadline(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['x-intermodal-deadline'];
  if (text === undefined) return undefined;
  const parsed = typeof text === 'string' ? durationMs(text) : undefined;
  if (parsed !== undefined) return parsed;
  throw new GatewayError(
    'invalid_request',
    `x-intermodal-deadline is "${String(text)}"; write a duration such as 20s, 45m or 24h.`,
  );
}
