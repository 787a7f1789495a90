/** What a running gateway says would become of a request. */
import { request } from 'undici';
import { z } from 'zod';
import type { Explained } from '../../gateway/explain-request.ts';
import { featureNames } from '../../router/explain-route.ts';
import { ConfigError } from '../config-error.ts';

export interface Question {
  readonly dialect: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
  readonly draw: number;
  /** Name of a key, as if it asked. */
  readonly key?: string;
}

const money = z.string().nullable();

const shape = z.object({
  route: z.string(),
  rule: z.object({ number: z.number(), text: z.string() }).nullable(),
  request: z.object({
    model: z.string(),
    operation: z.string(),
    stream: z.boolean(),
    input_tokens: z.number(),
    max_output_tokens: z.number().nullable(),
    needs: z.array(z.string()),
    tags: z.array(z.string()),
    priority: z.string(),
    deadline_ms: z.number().nullable(),
  }),
  complexity: z.object({ score: z.number(), text: z.string() }).nullable(),
  arm: z.string().nullable(),
  way: z.object({ way: z.enum(['held', 'sync', 'queue', 'batch']), text: z.string() }),
  features: z.array(z.object({ name: z.enum(featureNames), text: z.string() })),
  live: z.boolean(),
  targets: z.array(
    z.object({
      target: z.string(),
      verdict: z.enum(['first', 'fallback', 'passed over']),
      why: z.string(),
      body: z.enum(['passes through', 'translated']).exactOptional(),
      expected_usd: money,
      worst_usd: money,
      limits: z.array(
        z.object({ limit: z.string(), most: z.number(), needs: z.number(), free: z.number().nullable() }),
      ),
      budgets: z.array(
        z.object({
          budget: z.string(),
          cap_usd: z.string(),
          hard: z.boolean(),
          used_usd: money,
          held_usd: money,
        }),
      ),
    }),
  ),
});

const refusal = z.object({ error: z.object({ message: z.string() }) });

/** Throws `ConfigError` with what to do. */
export async function explainLive(
  { url, key }: { readonly url: string; readonly key: string | undefined },
  question: Question,
): Promise<Explained> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new ConfigError(`"${url}" is not the URL of a gateway. Write it as http://127.0.0.1:4000.`);
  const base = url.replace(/\/+$/, '').replace(/\/v1$/, '');
  let status: number;
  let answered: unknown;
  try {
    const answer = await request(`${base}/admin/explain`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined || key === '' ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify(question),
    });
    status = answer.statusCode;
    answered = await answer.body.json();
  } catch (thrown) {
    const reason = thrown instanceof Error && 'code' in thrown ? ` (${String(thrown.code)})` : '';
    throw new ConfigError(
      `No gateway answers at ${base}${reason}. Start one with "intermodal serve", name it with --live, or leave --live out.`,
    );
  }
  const explained = shape.safeParse(answered);
  if (status === 200 && explained.success) return explained.data;
  const refused = refusal.safeParse(answered);
  throw new ConfigError(
    refused.success
      ? `The gateway answers ${status}: ${refused.data.error.message}`
      : `What answers at ${base} is no gateway of this version.`,
  );
}
