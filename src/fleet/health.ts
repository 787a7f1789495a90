/**
 * What gateways on one Redis tell each other of targets: that one fails, asks for time, or is well again. By publish and subscribe, which
 * keeps nothing: who misses a message learns it from the target itself, as a gateway alone does.
 */
import { Redis } from 'ioredis';
import { z } from 'zod';
import type { Health, HealthNews } from '../router/health.ts';

const channel = 'intermodal:health';
/** Longer than any breaker opens or provider is obeyed; what says more is not ours. */
const longestMs = 86_400_000;

const target = z.string().max(1_000);
const forMs = z.number().min(0).max(longestMs);
const message = z.object({
  from: z.string(),
  news: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('opened'), target, forMs }),
    z.object({ kind: z.literal('cooling'), target, forMs }),
    z.object({ kind: z.literal('closed'), target }),
  ]),
});

export interface SharedHealth {
  close(): Promise<void>;
}

/** Never fails: without Redis each believes its own eyes. `self`: unique to this process. */
export function shareHealth(url: string, health: Health, self: string): SharedHealth {
  const retryStrategy = (times: number): number => Math.min(1_000, 50 * 2 ** Math.min(times, 5));
  const told = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy });
  const heard = new Redis(url, { retryStrategy });
  for (const redis of [told, heard]) redis.on('error', () => undefined);
  heard.subscribe(channel).catch(() => undefined);
  heard.on('message', (_channel, text) => {
    const news = readNews(text, self);
    if (news !== undefined) health.hear(news);
  });
  health.onNews((news) => {
    told.publish(channel, JSON.stringify({ from: self, news })).catch(() => undefined);
  });
  return {
    async close() {
      health.onNews(() => {});
      told.disconnect();
      heard.disconnect();
    },
  };
}

function readNews(text: string, self: string): HealthNews | undefined {
  try {
    const parsed = message.safeParse(JSON.parse(text));
    return parsed.success && parsed.data.from !== self ? parsed.data.news : undefined;
  } catch {
    // Whoever else writes to this channel does not speak to us.
    return undefined;
  }
}
