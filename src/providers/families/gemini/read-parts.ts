/** Readers of the pieces that an answer and a stream share. Lenient: what is missing is left out, what is unknown is ignored. */
import type { Stop, StopKind, TokenLogprob } from '../../../core/event.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';
import type { Usage } from '../../../core/usage.ts';

type Fields = Readonly<Record<string, unknown>>;

const filtered =
  /^(?:SAFETY|RECITATION|LANGUAGE|BLOCKLIST|PROHIBITED_CONTENT|SPII|MODEL_ARMOR|JAILBREAK|IMAGE_\w+)$/;
const broken =
  /^(?:MALFORMED_FUNCTION_CALL|UNEXPECTED_TOOL_CALL|TOO_MANY_TOOL_CALLS|MALFORMED_RESPONSE|MISSING_THOUGHT_SIGNATURE)$/;

/** The words behind the numbers of `enum-encoding=int`; both of Google's APIs agree on these. */
const numbered: readonly string[] = [
  'FINISH_REASON_UNSPECIFIED',
  'STOP',
  'MAX_TOKENS',
  'SAFETY',
  'RECITATION',
];

/** `undefined` while the candidate goes on. */
export function readFinishReason(value: unknown): string | undefined {
  const number = asNumber(value);
  if (number !== undefined) return numbered[number] ?? `FINISH_REASON_${number}`;
  const text = asString(value);
  return text === '' ? undefined : text;
}

/** The model wrote something that cannot be used: an error, never a clean stop. */
export function isBrokenFinish(reason: string): boolean {
  return broken.test(reason);
}

/** A turn that ends with calls says STOP like any other. */
export function readStop(raw: string, hasCalls: boolean): Stop {
  return { kind: stopKind(raw, hasCalls), raw };
}

function stopKind(raw: string, hasCalls: boolean): StopKind {
  if (raw === 'MAX_TOKENS') return 'length';
  if (filtered.test(raw)) return 'filter';
  if (raw === 'STOP') return hasCalls ? 'tool' : 'end';
  return 'other';
}

/**
 * Totals: thoughts and the prompts of server tools stand beside the other counts here. Zero counts are left out on
 * the wire, so a missing one is zero once the total is there; a middle chunk may hold nothing but the traffic type.
 */
export function readUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined;
  const prompt = asNumber(value['promptTokenCount']);
  const written = asNumber(value['candidatesTokenCount']);
  const thoughts = asNumber(value['thoughtsTokenCount']);
  const total = asNumber(value['totalTokenCount']);
  const cached = asNumber(value['cachedContentTokenCount']);
  const input = prompt === undefined ? undefined : prompt + (asNumber(value['toolUsePromptTokenCount']) ?? 0);
  const told = written !== undefined || thoughts !== undefined;
  const output = told
    ? (written ?? 0) + (thoughts ?? 0)
    : total !== undefined && input !== undefined
      ? Math.max(0, total - input)
      : undefined;
  const audioIn = audioTokens(value['promptTokensDetails']);
  const audioOut = audioTokens(value['candidatesTokensDetails']);
  const tier = asString(value['serviceTier']) ?? asString(value['trafficType']);
  const usage: Usage = {
    ...(input === undefined ? {} : { inputTokens: input }),
    ...(cached === undefined ? {} : { cacheReadTokens: cached }),
    ...(output === undefined ? {} : { outputTokens: output }),
    ...(thoughts === undefined ? {} : { reasoningTokens: thoughts }),
    ...(audioIn === undefined ? {} : { audioInputTokens: audioIn }),
    ...(audioOut === undefined ? {} : { audioOutputTokens: audioOut }),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  };
  return Object.keys(usage).length === 0 ? undefined : usage;
}

function audioTokens(details: unknown): number | undefined {
  const audio = asArray(details).find((detail) => asObject(detail)['modality'] === 'AUDIO');
  return asNumber(asObject(audio)['tokenCount']);
}

export function readLogprobs(value: unknown): readonly TokenLogprob[] | undefined {
  if (!isObject(value)) return undefined;
  const tops = asArray(value['topCandidates']);
  const tokens: TokenLogprob[] = [];
  for (const [position, entry] of asArray(value['chosenCandidates']).entries()) {
    const chosen = readToken(asObject(entry));
    if (chosen === undefined) continue;
    const top = asArray(asObject(tops[position])['candidates']).flatMap((one) => {
      const token = readToken(asObject(one));
      return token === undefined ? [] : [token];
    });
    tokens.push({ ...chosen, top });
  }
  return tokens.length === 0 ? undefined : tokens;
}

function readToken(entry: Fields): { token: string; logprob: number; bytes: number[] } | undefined {
  const token = asString(entry['token']);
  const logprob = asNumber(entry['logProbability']);
  // Certain tokens have probability one, whose logarithm is zero, which the wire leaves out.
  return token === undefined
    ? undefined
    : { token, logprob: logprob ?? 0, bytes: [...Buffer.from(token, 'utf8')] };
}

/** Seconds since 1970. */
export function readCreated(value: unknown): number | undefined {
  const time = Date.parse(asString(value) ?? '');
  return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
}
