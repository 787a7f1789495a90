/**
 * What a simulated model answers: deterministic from the request, plausible in length and tokens, JSON where a schema asks for it, calls
 * where tools are offered. Knows no wire shape.
 *
 * Control words in the last user message: `[[tokens:100]]` an answer of that many words; `[[echo]]` the message itself; `[[parallel]]`
 * two calls instead of one; `[[text]]` text although tools are offered; `[[chunk-delay:20ms]]` time between stream chunks;
 * `[[refuse]]` a refusal; `[[note:n17]]` a word that is put on the bill; `[[label:a|a,b,c]]` a question with a right answer (`classify.ts`).
 */
import { createHash } from 'node:crypto';
import { type Classified, classify, type Skill } from './classify.ts';
import { sampleSchema } from './schema-sample.ts';

export interface AskedTool {
  readonly name: string;
  readonly schema: unknown;
}

/** A request with its wire shape taken off. */
export interface Ask {
  readonly model: string;
  readonly stream: boolean;
  /** Text of the last user turn. */
  readonly prompt: string;
  /** Characters of everything the model reads. */
  readonly inputCharacters: number;
  readonly images: number;
  readonly maxTokens?: number;
  readonly schema?: unknown;
  readonly json?: boolean;
  readonly tools: readonly AskedTool[];
  readonly toolChoice: 'auto' | 'none' | 'required' | { readonly name: string };
  readonly parallel: boolean;
  /** The last turn holds tool results: time to answer in words. */
  readonly answersTools: boolean;
  readonly stop: readonly string[];
  readonly choices: number;
  readonly thinking: boolean;
  /** It asks how probable each token was. */
  readonly logprobs?: boolean;
  /** How the prompt begins, which providers cache by themselves; absent: nothing of it. */
  readonly beginning?: string;
  /** Characters in front of the last cache marker. */
  readonly cachedCharacters: number;
  /** What serves it; absent: the standard tier. */
  readonly tier?: 'flex';
}

export interface ScriptedCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: object;
}

export interface Script {
  readonly id: string;
  readonly thinking: string;
  readonly text: string;
  readonly calls: readonly ScriptedCall[];
  readonly stop: 'end' | 'length' | 'tool' | 'sequence' | 'refusal';
  readonly sequence?: string;
  readonly usage: {
    readonly input: number;
    readonly cached: number;
    /** The part of `input` that a cache served; absent: none. */
    readonly read?: number;
    readonly output: number;
    readonly thinking: number;
  };
  readonly chunkDelayMs: number;
  /** The probability of each of its tokens; absent: as models are, nearly certain. */
  readonly certainty?: number;
  readonly note?: string;
}

const words =
  'the a route carries each request to a provider that has room and answers it in time while another waits for its turn so nothing is lost and everyone is served'.split(
    ' ',
  );
const defaultWords = 24;

export const tokensOf = (characters: number): number => Math.max(1, Math.ceil(characters / 4));
const imageTokens = 800;

/** `skill`: how well the model answers questions that have a right answer; absent: it takes them for any prompt. */
export function think(ask: Ask, seed: number, skill?: Skill): Script {
  const digest = createHash('sha256')
    .update(`${seed}\n${ask.model}\n${ask.prompt}\n${ask.inputCharacters}`)
    .digest();
  const id = digest.toString('hex').slice(0, 24);
  const most = Math.max(1, Math.floor(ask.maxTokens ?? Number.POSITIVE_INFINITY));
  // One token is left for the answer, which has at least one.
  const thinking = ask.thinking ? cutTo(sentence(12, digest, 7), most - 1) : '';
  const thinkingTokens = thinking === '' ? 0 : tokensOf(thinking.length);
  const wanted = wantsCalls(ask) ? chooseCalls(ask, digest) : [];
  const calls = fitting(wanted, most - thinkingTokens - 1);
  const callTokens = calls.reduce((sum, call) => sum + callSize(call), 0);
  const note = /\[\[note:([\w-]{1,40})\]\]/.exec(ask.prompt)?.[1];
  const classified = skill === undefined ? undefined : classify(ask.prompt, ask.model, skill, seed);
  const answer = classified === undefined ? answerText(ask, digest) : classifiedText(ask, classified);
  const cut = limit(wanted.length > 0 ? '' : answer, ask, most - thinkingTokens);
  const { text, sequence } = cut;
  const stop = calls.length < wanted.length ? 'length' : cut.stop;
  return {
    id,
    thinking,
    text,
    calls,
    stop:
      calls.length > 0 && stop !== 'length' ? 'tool' : ask.prompt.includes('[[refuse]]') ? 'refusal' : stop,
    ...(sequence === undefined ? {} : { sequence }),
    usage: {
      input: tokensOf(ask.inputCharacters) + ask.images * imageTokens,
      cached: ask.cachedCharacters === 0 ? 0 : tokensOf(ask.cachedCharacters),
      output: tokensOf(text.length) + callTokens + thinkingTokens,
      thinking: thinkingTokens,
    },
    ...(note === undefined ? {} : { note }),
    ...(classified === undefined ? {} : { certainty: classified.confidence }),
    chunkDelayMs: Number(/\[\[chunk-delay:(\d+)ms\]\]/.exec(ask.prompt)?.[1] ?? 0),
  };
}

function wantsCalls(ask: Ask): boolean {
  if (ask.tools.length === 0 || ask.toolChoice === 'none') return false;
  if (ask.toolChoice !== 'auto') return true;
  return !ask.answersTools && !ask.prompt.includes('[[text]]');
}

function chooseCalls(ask: Ask, digest: Buffer): readonly ScriptedCall[] {
  const { toolChoice } = ask;
  const named =
    typeof toolChoice === 'object' ? ask.tools.filter((tool) => tool.name === toolChoice.name) : ask.tools;
  const several = ask.parallel && /\[\[parallel\]\]|\bboth\b|\beach\b/i.test(ask.prompt);
  const chosen = several ? [named[0], named[1] ?? named[0]] : [named[0]];
  return chosen.flatMap((tool, index) => {
    if (tool === undefined) return [];
    const value = sampleSchema(tool.schema, digest[index] ?? 0);
    const input = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
    return [
      {
        id: digest.toString('hex').slice(24 + index * 12, 36 + index * 12),
        name: tool.name,
        arguments: input,
      },
    ];
  });
}

/** In JSON with its confidence, where JSON is asked for. */
function classifiedText(ask: Ask, { label, confidence }: Classified): string {
  return ask.schema !== undefined || ask.json === true ? JSON.stringify({ label, confidence }) : label;
}

function answerText(ask: Ask, digest: Buffer): string {
  if (ask.schema !== undefined) return JSON.stringify(sampleSchema(ask.schema, digest[0] ?? 0));
  if (ask.prompt.includes('[[echo]]')) return ask.prompt.replace('[[echo]]', '').trim();
  if (ask.json === true) return JSON.stringify({ answer: sentence(3, digest, 0) });
  const count = Number(/\[\[tokens:(\d+)\]\]/.exec(ask.prompt)?.[1] ?? defaultWords);
  const seen = ask.images === 0 ? '' : `I see ${ask.images} ${ask.images === 1 ? 'image' : 'images'}. `;
  return seen + sentence(Math.min(count, 200_000), digest, 3);
}

function sentence(count: number, digest: Buffer, offset: number): string {
  const start = digest[offset] ?? 0;
  const chosen = Array.from(
    { length: count },
    (_, index) => words[(start + index * 7) % words.length] ?? 'word',
  );
  return chosen.join(' ');
}

const callSize = (call: ScriptedCall): number => tokensOf(JSON.stringify(call).length);

/** As many calls as there is room for; a call is made whole or not at all. */
function fitting(calls: readonly ScriptedCall[], mostTokens: number): readonly ScriptedCall[] {
  let left = mostTokens;
  const end = calls.findIndex((call) => {
    left -= callSize(call);
    return left < 0;
  });
  return end < 0 ? calls : calls.slice(0, end);
}

const cutTo = (text: string, mostTokens: number): string =>
  text.length > mostTokens * 4 ? text.slice(0, mostTokens * 4) : text;

function limit(
  full: string,
  ask: Ask,
  mostTokens: number,
): { text: string; stop: Script['stop']; sequence?: string } {
  let text = full;
  let stop: Script['stop'] = 'end';
  let sequence: string | undefined;
  for (const one of ask.stop) {
    const at = one === '' ? -1 : text.indexOf(one);
    if (at < 0) continue;
    text = text.slice(0, at);
    stop = 'sequence';
    sequence = one;
  }
  if (tokensOf(text.length) > mostTokens) return { text: cutTo(text, mostTokens), stop: 'length' };
  return { text, stop, ...(sequence === undefined ? {} : { sequence }) };
}

/** About a token each, spaces kept in front, as models stream. */
export function pieces(text: string): readonly string[] {
  return text.match(/\s*\S+\s*$|\s*\S+/g) ?? (text === '' ? [] : [text]);
}
