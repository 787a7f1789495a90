/**
 * Exact counts of tokens for models whose vocabulary is published. For `count_tokens` where no provider can count, and wherever else a rough
 * estimate will not do. An encoding is loaded when its first model asks for it (0.15 s and 75 MB), never at start-up.
 *
 * Counting runs on the event loop, and merging byte pairs takes quadratic time in the length of one word: 100,000 letters or spaces in a
 * row would stop the gateway for five seconds. So a run of one kind of character is cut after `longestRun`, at the price of a token
 * or so, and of a very long text only the beginning is counted and the rest taken to be like it. All other text is counted exactly.
 */
import { type CountText, estimateTokens } from '../core/estimate.ts';
import type { ModelInfo, TokenizerName } from '../core/model.ts';
import type { ChatRequest } from '../core/request.ts';

/** `undefined` where the model's tokenizer is not known. One instance serves all models of an encoding. */
export async function loadTokenizer(model: ModelInfo): Promise<CountText | undefined> {
  return model.tokenizer === undefined ? undefined : await open(model.tokenizer);
}

/**
 * OpenAI's own rule for chat messages: three tokens around each and three to begin the answer, to which `estimateTokens` adds one a
 * block for its role. Source: OpenAI cookbook, "How to count tokens with tiktoken", November 2026. How tools are rendered is not
 * published; their JSON is a little longer than it.
 */
export function countRequest(request: ChatRequest, count: CountText): number {
  return estimateTokens(request, count) + 3 * request.messages.length + 4 * request.system.length + 3;
}

/** What we use of an encoding. */
interface Encoding {
  countTokens(text: string, options: { readonly disallowedSpecial: Set<string> }): number;
  setMergeCacheSize(size: number): void;
}

/** Words remembered with their counts. The default of 100,000 keeps 130 MB of callers' text for a gain that we could not measure. */
const rememberedWords = 10_000;

const opened = new Map<TokenizerName, Promise<CountText>>();

function open(name: TokenizerName): Promise<CountText> {
  let counter = opened.get(name);
  if (counter === undefined) {
    counter = importEncoding(name).then(createCounter);
    opened.set(name, counter);
  }
  return counter;
}

function importEncoding(name: TokenizerName): Promise<Encoding> {
  switch (name) {
    case 'o200k':
      return import('gpt-tokenizer/encoding/o200k_base');
    case 'cl100k':
      return import('gpt-tokenizer/encoding/cl100k_base');
  }
}

/** At 256 the worst texts cost 0.3 ms a kilobyte, and a cut in every run costs 0.4 % of the count. Longer runs stall others; shorter ones count worse. */
const longestRun = 256;
/** Characters counted of one text. Exactness of a longer one is not worth what all other callers would wait. */
const longestText = 262_144;

function createCounter(encoding: Encoding): CountText {
  encoding.setMergeCacheSize(rememberedWords);
  // Left out, a caller's text that holds `<|endoftext|>` throws.
  const options = { disallowedSpecial: new Set<string>() };
  const countPart = (part: string): number => encoding.countTokens(part, options);
  return (text) => {
    if (text.length <= longestRun) return countPart(text);
    const end = Math.min(text.length, longestText);
    let tokens = 0;
    let start = 0;
    let runStart = 0;
    let kind: number = Kind.digit;
    for (let at = 0; at < end; at++) {
      const code = text.charCodeAt(at);
      const next = kindOf(code);
      if (next !== kind || next === Kind.digit) runStart = at;
      kind = next;
      // Never between the halves of a surrogate pair: each half would count as a character that cannot be read.
      if (at - runStart < longestRun || (code >= 0xdc00 && code <= 0xdfff)) continue;
      tokens += countPart(text.slice(start, at));
      start = at;
      runStart = at;
    }
    tokens += countPart(text.slice(start, end));
    return Math.ceil((tokens * text.length) / end);
  };
}

/** Where the kind changes, so does the word, in both patterns; digits come in threes at most. */
const Kind = { space: 0, letter: 1, digit: 2, mark: 3 } as const;

/** What is not ASCII passes for a letter, but for the punctuation of Chinese and Japanese, which have no spaces to break a run. */
function kindOf(code: number): number {
  if (code <= 32) return Kind.space;
  if (code >= 48 && code <= 57) return Kind.digit;
  if (code < 128) return (code | 32) >= 97 && (code | 32) <= 122 ? Kind.letter : Kind.mark;
  return (code >= 0x3000 && code <= 0x303f) || (code >= 0xff00 && code <= 0xff20) ? Kind.mark : Kind.letter;
}
