/**
 * What gateways on one Redis tell each other of targets: that one fails, asks for time, or is well again. By publish and subscribe, which
 * keeps nothing: who misses a message learns it from the target itself, as a gateway alone does.
 */
import { z } from 'zod';
import type { Clock } from '../core/clock.ts';
import type { Health, HealthNews } from '../router/health.ts';
import { askForLife, connectTo } from '../wire/redis/connect.ts';

const channel = 'intermodal:health';
/** Longer than any breaker opens or provider is obeyed; what says more is not ours. */
const longestMs = 86_400_000;

/** How often the server that is listened to is asked whether it is still there. */
const askMs = 2_000;

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
export function shareHealth(url: string, health: Health, self: string, clock: Clock): SharedHealth {
  const told = connectTo(url, { patient: false });
  // Subscribes whenever the connection comes: it may be late.
  const heard = connectTo(url, { patient: true });
  heard.subscribe(channel).catch(() => undefined);
  let cancel = (): void => {};
  const ask = (): void => {
    askForLife(heard);
    cancel = clock.after(askMs, ask);
  };
  cancel = clock.after(askMs, ask);
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
      cancel();
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
