/** What the gateways say of themselves. */
import type { Fleet } from '../fleet/fleet.ts';

const everyMs = 50;

/** Until every gateway has said `status` of its limits: after how many ms; `undefined` when they did not in time. */
export async function watchHealth(
  fleet: Fleet,
  status: 'ok' | 'degraded',
  forMs: number,
): Promise<number | undefined> {
  const startedMs = performance.now();
  const left = new Set(fleet.gateways.map(({ url }) => url));
  while (performance.now() - startedMs < forMs) {
    await Promise.all(
      [...left].map(async (url) => {
        const health = JSON.parse(await (await fetch(`${url}/health`)).text());
        if (health.limits.status === status) left.delete(url);
      }),
    );
    if (left.size === 0) return Math.round(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return undefined;
}
