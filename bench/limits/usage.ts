/** What the stand-ins say of their limits. */
import { z } from 'zod';
import type { Fleet } from '../fleet/fleet.ts';
import type { Scene } from './scene.ts';

const reply = z.object({
  violations: z.number(),
  limits: z.array(
    z.object({
      instance: z.string(),
      measure: z.enum(['requests', 'input', 'output']),
      perMinute: z.number(),
      forMs: z.number(),
      granted: z.number(),
      refused: z.number(),
      most: z.number(),
      worstOverrun: z.number(),
    }),
  ),
});

export type Usage = z.output<typeof reply>['limits'][number];

export interface Bound {
  readonly scene: Scene;
  /** Of the limit that binds. */
  readonly usage: Usage;
  /** Of what the bucket would have granted until now. */
  readonly share: number;
}

export interface Report {
  readonly violations: number;
  readonly bounds: readonly Bound[];
  readonly all: readonly Usage[];
}

export async function readUsage(fleet: Fleet, scenes: readonly Scene[]): Promise<Report> {
  const { violations, limits: all } = reply.parse(await fleet.control('GET', 'limits'));
  const bounds = scenes.flatMap((scene) => {
    const usage = all.find((one) => one.instance === scene.provider && one.measure === scene.binds);
    return usage === undefined ? [] : [{ scene, usage, share: usage.granted / usage.most }];
  });
  return { violations, bounds, all };
}
