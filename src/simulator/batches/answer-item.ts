/** What one item of a job comes to, by way of the sync stand-in, so that an answer is what a sync call would have got. */
import { hash } from 'node:crypto';
import { type Api, type Matched, Refused } from '../apis/contract.ts';
import { type Ask, type Script, think } from '../brain.ts';
import { type Skill, skillOf } from '../classify.ts';
import type { Billed } from '../invoice.ts';
import type { PromptCache } from '../prompt-cache.ts';
import type { ItemUsage, JobItem, Outcome } from './contract.ts';

export interface ItemContext {
  readonly api: Api;
  readonly matched: Matched;
  readonly instance: string;
  readonly jobId: string;
  /** Where no body names one. */
  readonly model: string;
  readonly seed: number;
  readonly answers: readonly Skill[];
  /** Absent: the stand-in has none. */
  readonly cache: PromptCache | undefined;
  readonly atMs: number;
  /** Which way its text is broken; undefined: not at all. */
  readonly corrupt: number | undefined;
}

export interface Answered {
  readonly outcome: Outcome;
  readonly bill: Billed | undefined;
}

export function answerItem(context: ItemContext, item: JobItem): Answered {
  const { api, matched } = context;
  try {
    if (matched.operation === 'embedding') {
      const embedded = api.embed?.(matched, item.body) ?? { answer: {}, inputTokens: 0 };
      const usage = { inputTokens: embedded.inputTokens, outputTokens: 0 };
      return answered(context, item, embedded.answer, usage, { id: 'embedding', cacheWriteTokens: 0 });
    }
    const ask = api.read(matched, item.body);
    const thought = cached(
      think(ask, context.seed, skillOf(context.answers, context.instance, ask.model)),
      ask,
      context,
    );
    const script = context.corrupt === undefined ? thought : corrupted(thought, context.corrupt);
    const { input, cached: written, read = 0, output, thinking } = script.usage;
    const usage = {
      inputTokens: input + written,
      outputTokens: (output - thinking) * ask.choices + thinking,
    };
    return answered(context, item, api.whole(matched, ask, script, item.body), usage, {
      id: script.id,
      cacheWriteTokens: written,
      ...(read === 0 ? {} : { cacheReadTokens: read }),
      ...(script.note === undefined ? {} : { note: script.note }),
    });
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown;
    const rendered = api.refuse(thrown.refusal, thrown.message, {});
    return { outcome: { kind: 'invalid', item, rendered }, bill: undefined };
  }
}

function answered(
  context: ItemContext,
  item: JobItem,
  body: object,
  usage: ItemUsage,
  more: {
    readonly id: string;
    readonly cacheWriteTokens: number;
    readonly cacheReadTokens?: number;
    readonly note?: string;
  },
): Answered {
  const named = item.body['model'];
  return {
    outcome: { kind: 'answered', item, body, usage },
    bill: {
      instance: context.instance,
      model: context.matched.model ?? (typeof named === 'string' ? named : context.model),
      operation: 'batch',
      stream: false,
      answerId: more.id,
      ...(more.note === undefined ? {} : { note: more.note }),
      atMs: context.atMs,
      inputTokens: usage.inputTokens,
      cacheWriteTokens: more.cacheWriteTokens,
      ...(more.cacheReadTokens === undefined ? {} : { cacheReadTokens: more.cacheReadTokens }),
      outputTokens: usage.outputTokens,
      complete: true,
      batch: {
        job: context.jobId,
        item: item.id,
        bodyHash: hash('sha256', JSON.stringify(item.body), 'base64url'),
      },
    },
  };
}

function cached(script: Script, ask: Ask, { cache, instance }: ItemContext): Script {
  const read = ask.beginning === undefined ? 0 : (cache?.read(instance, ask.model, ask.beginning) ?? 0);
  return read === 0 ? script : { ...script, usage: { ...script.usage, read } };
}

/** As models spoil JSON: a fence around it, a comma too many, an end that is not there. */
function corrupted(script: Script, how: number): Script {
  const { text } = script;
  const spoiled =
    how < 1 / 3
      ? `\`\`\`json\n${text}\n\`\`\``
      : how < 2 / 3 && /[\]}]\s*$/.test(text)
        ? text.replace(/([\]}])\s*$/, ',$1')
        : text.slice(0, Math.ceil(text.length * 0.6));
  return { ...script, text: spoiled };
}
