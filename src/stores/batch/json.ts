/** What rows hold as JSON text, read back. Text in JSON needs no care for NUL and half characters: it is escaped. */
import { z } from 'zod';
import type { BatchProblem, ItemCascade, ItemError, Webhook } from '../../batch/contract.ts';
import { type ErrorCode, errorKinds } from '../../core/errors.ts';

const errorCodes = new Map<string, ErrorCode>();
for (const code in errorKinds) if (isCode(code)) errorCodes.set(code, code);

function isCode(code: string): code is ErrorCode {
  return code in errorKinds;
}

const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  status: z.number(),
  upstream: z.string().exactOptional(),
  times: z.number().exactOptional(),
});

/** Where many items failed they failed alike, and often the same way one after another. */
let lastError: { readonly text: string; readonly error: ItemError } | undefined;

export function readError(text: string): ItemError {
  if (lastError?.text !== text) lastError = { text, error: parseError(text) };
  return lastError.error;
}

function parseError(text: string): ItemError {
  const { code, ...error } = errorSchema.parse(JSON.parse(text));
  // A code that was taken out of the table since is a fault of ours to its caller.
  return { ...error, code: errorCodes.get(code) ?? 'internal' };
}

const cascadeSchema = z.object({
  outcome: z.enum(['accepted', 'escalated']).exactOptional(),
  raw: z.number().exactOptional(),
  confidence: z.number().exactOptional(),
  opinions: z.object({ sum: z.number(), count: z.number() }).exactOptional(),
  cheap: z.string(),
  cheapNanoUsd: z.number(),
  spent: z.object({ costNanoUsd: z.number(), listNanoUsd: z.number() }).exactOptional(),
  neutralBytes: z.number().exactOptional(),
});

export function readCascade(text: string): ItemCascade {
  return cascadeSchema.parse(JSON.parse(text));
}

const mapSchema = z.record(z.string(), z.string());
const listSchema = z.array(z.string());
const webhookSchema = z.object({ url: z.string(), metadata: mapSchema.exactOptional() });
const problemsSchema = z.array(
  z.object({
    line: z.number().exactOptional(),
    code: z.string(),
    message: z.string(),
    param: z.string().exactOptional(),
  }),
);

export function readMap(text: string): Readonly<Record<string, string>> {
  return text === '{}' ? {} : mapSchema.parse(JSON.parse(text));
}

export function readList(text: string): readonly string[] {
  return text === '[]' ? [] : listSchema.parse(JSON.parse(text));
}

export function readWebhook(text: string): Webhook {
  return webhookSchema.parse(JSON.parse(text));
}

export function readProblems(text: string): readonly BatchProblem[] {
  return text === '[]' ? [] : problemsSchema.parse(JSON.parse(text));
}
