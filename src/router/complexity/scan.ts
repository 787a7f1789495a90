/**
 * Reads a prompt once, character by character, and leaves its measures and the buckets of its words. Everything that scores a request is a
 * function of these numbers, so what is stored with a label is enough to score it again, and no text needs to be kept.
 *
 * A scan costs a few nanoseconds a character. Its buffers are used again: what it left is gone at the next `read`.
 */
import type { Prompt } from './contract.ts';
import { classesAt, countedNames, measureNames } from './measures.ts';
import { classNames, hashStart, hashStep, Lexicon, mix } from './words.ts';

/** Far fewer than there are words, so that each stands for dozens of them: see `features.ts`. */
export const bucketCount = 4096;
/** Of one prompt; later words are not looked at. Bounds the work, and the size of a label. */
export const mostBuckets = 512;

const distinctSlots = 4096;
const lastLineCount = 4;
const manyLines = 256;

/** Kinds of characters, by code up to 127. */
const kinds = { space: 0, letter: 1, digit: 2, sign: 3 } as const;
const kindOf = new Uint8Array(128).fill(kinds.sign);
for (let code = 0; code < 33; code++) kindOf[code] = kinds.space;
for (let code = 48; code < 58; code++) kindOf[code] = kinds.digit;
for (let code = 65; code < 91; code++) kindOf[code] = kindOf[code + 32] = kinds.letter;

/** Counters of signs; several signs share one. */
const signs = {
  sentence: 0,
  comma: 1,
  question: 2,
  math: 3,
  percent: 4,
  money: 5,
  quote: 6,
  bracket: 7,
  brace: 8,
  colon: 9,
  dash: 10,
  apostrophe: 11,
  other: 12,
} as const;
const signOf = new Uint8Array(128).fill(signs.other);
for (const [text, sign] of [
  ['.!', signs.sentence],
  [',', signs.comma],
  ['?', signs.question],
  ['=+*^<>\\/|~', signs.math],
  ['%', signs.percent],
  ['$', signs.money],
  ['"', signs.quote],
  ['()', signs.bracket],
  ['{}[]', signs.brace],
  [':;', signs.colon],
  ['-', signs.dash],
  ["'`", signs.apostrophe],
] as const)
  for (let at = 0; at < text.length; at++) signOf[text.charCodeAt(at)] = sign;

const newline = 10;
const dot = 46;
const underscore = 95;
/** From here on scripts are written without spaces between words; a character counts as a word. */
const firstIdeograph = 0x2e80;

export class Scan {
  /** As `measureNames` names them. */
  readonly measures = new Float64Array(measureNames.length);
  /** The first `bucketsUsed` of them; each once, in the order of the text. */
  readonly buckets = new Uint16Array(mostBuckets);
  bucketsUsed = 0;

  readonly #lexicon = new Lexicon();
  readonly #seen = new Uint32Array(bucketCount);
  readonly #words = new Uint32Array(distinctSlots);
  #round = 0;
  readonly #signs = new Float64Array(signs.other + 1);
  readonly #classes = new Float64Array(classNames.length);
  readonly #lines = new Float64Array(manyLines);
  readonly #lineNumbers = new Uint8Array(manyLines);
  #wordCount = 0;
  #letters = 0;
  #short = 0;
  #long = 0;
  #longest = 0;
  #distinct = 0;
  #digits = 0;
  #capitals = 0;
  #spaces = 0;
  #numbers = 0;
  #decimals = 0;
  #largest = 0;
  #sumOfNumbers = 0;
  #blanks = 0;
  #lineCount = 0;
  #longestLine = 0;
  #firstLine = 0;
  #indented = 0;
  #lineNumber = 0;
  #previous = 0;

  read(prompt: Prompt): void {
    this.#begin();
    this.#readText(prompt.text);
    this.#write(prompt);
  }

  #begin(): void {
    // Stamps instead of clearing: a bucket was seen if its stamp is this round's.
    this.#round += 1;
    if (this.#round > 0xffffffff) {
      this.#seen.fill(0);
      this.#words.fill(0);
      this.#round = 1;
    }
    this.bucketsUsed = 0;
    this.#signs.fill(0);
    this.#classes.fill(0);
    this.#wordCount = this.#letters = this.#short = this.#long = this.#longest = this.#distinct = 0;
    this.#digits = this.#capitals = this.#spaces = this.#numbers = this.#decimals = 0;
    this.#largest = this.#sumOfNumbers = this.#blanks = 0;
    this.#lineCount = this.#longestLine = this.#firstLine = this.#indented = 0;
    this.#lineNumber = this.#previous = 0;
  }

  #readText(text: string): void {
    const length = text.length;
    let at = 0;
    let lineStart = 0;
    while (at < length) {
      const code = text.charCodeAt(at);
      const kind = code < 128 ? (kindOf[code] ?? kinds.sign) : kinds.letter;
      if (kind === kinds.space) {
        if (code === newline) {
          this.#line(text, lineStart, at);
          lineStart = at + 1;
        }
        this.#spaces += 1;
        at += 1;
      } else if (kind === kinds.letter) at = this.#word(text, at, length);
      else if (kind === kinds.digit) at = this.#number(text, at, length);
      else {
        const sign = signOf[code] ?? signs.other;
        this.#signs[sign] = (this.#signs[sign] ?? 0) + 1;
        if (code === underscore && text.charCodeAt(at + 1) === underscore) this.#blanks = 1;
        this.#token(Math.imul(code + 1, 0x9e3779b1));
        at += 1;
      }
    }
    this.#line(text, lineStart, length);
  }

  #word(text: string, start: number, length: number): number {
    let hash = hashStart;
    let at = start;
    for (; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code < 128) {
        if (kindOf[code] !== kinds.letter) break;
        if (code < 97) {
          this.#capitals += 1;
          hash = hashStep(hash, code + 32);
        } else hash = hashStep(hash, code);
      } else {
        hash = hashStep(hash, code);
        if (code >= firstIdeograph) {
          at += 1;
          break;
        }
      }
    }
    const letters = at - start;
    this.#wordCount += 1;
    this.#letters += letters;
    if (letters <= 3) this.#short += 1;
    else if (letters >= 8) {
      this.#long += 1;
      if (letters >= 11) this.#longest += 1;
    }
    const mixed = mix(hash) & (distinctSlots - 1);
    if (this.#words[mixed] !== this.#round) {
      this.#words[mixed] = this.#round;
      this.#distinct += 1;
    }
    for (let bits = this.#lexicon.classesOf(hash | 0), bit = 0; bits !== 0; bits >>>= 1, bit++)
      if ((bits & 1) === 1) this.#classes[bit] = (this.#classes[bit] ?? 0) + 1;
    this.#token(hash);
    return at;
  }

  /** Of a number only its length becomes a bucket: numbers may be somebody’s. */
  #number(text: string, start: number, length: number): number {
    let value = 0;
    let at = start;
    let isDecimal = false;
    for (let scale = 1; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code === dot && !isDecimal && kindOf[text.charCodeAt(at + 1)] === kinds.digit) isDecimal = true;
      else if (kindOf[code] !== kinds.digit) break;
      else if (isDecimal) {
        scale /= 10;
        value += (code - 48) * scale;
      } else value = value * 10 + (code - 48);
    }
    const digits = at - start;
    this.#digits += digits;
    this.#numbers += 1;
    if (isDecimal) this.#decimals = 1;
    if (value < 1e9) {
      this.#sumOfNumbers += value;
      if (value > this.#largest) this.#largest = value;
    }
    this.#lineNumber = 1;
    this.#token(Math.imul(Math.min(digits, 8), 0x85ebca6b));
    return at;
  }

  /** A token, and the pair that it makes with the one before it, each into a bucket. */
  #token(hash: number): void {
    if (this.bucketsUsed < mostBuckets) this.#bucket(mix(hash));
    if (this.#previous !== 0 && this.bucketsUsed < mostBuckets)
      this.#bucket(mix(Math.imul(this.#previous, 31) ^ hash));
    this.#previous = hash;
  }

  #bucket(mixed: number): void {
    const bucket = mixed & (bucketCount - 1);
    if (this.#seen[bucket] === this.#round) return;
    this.#seen[bucket] = this.#round;
    this.buckets[this.bucketsUsed] = bucket;
    this.bucketsUsed += 1;
  }

  #line(text: string, start: number, end: number): void {
    const size = end - start;
    const had = this.#lineNumber;
    this.#lineNumber = 0;
    if (size === 0 || (size === 1 && text.charCodeAt(start) <= 32)) return;
    if (this.#lineCount === 0) this.#firstLine = size;
    if (size > this.#longestLine) this.#longestLine = size;
    const first = text.charCodeAt(start);
    if (first === 9 || (first === 32 && text.charCodeAt(start + 1) === 32)) this.#indented += 1;
    const slot = this.#lineCount % manyLines;
    this.#lines[slot] = size;
    this.#lineNumbers[slot] = had;
    this.#lineCount += 1;
  }

  /** The last lines but one, which in questions with choices are the choices, and what is asked stands alone in the first or the last. */
  #lastLines(): { readonly mean: number; readonly range: number; readonly numbers: number } {
    const end = Math.max(1, this.#lineCount - 1);
    const start = Math.max(0, end - lastLineCount, this.#lineCount - manyLines);
    let sum = 0;
    let numbers = 0;
    let least = Number.POSITIVE_INFINITY;
    let most = 0;
    for (let at = start; at < end; at++) {
      const size = this.#lines[at % manyLines] ?? 0;
      sum += size;
      numbers += this.#lineNumbers[at % manyLines] ?? 0;
      least = Math.min(least, size);
      most = Math.max(most, size);
    }
    const lines = end - start;
    return { mean: sum / lines, range: Math.max(0, most - least), numbers: numbers / lines };
  }

  #write({ text, inputTokens, messages, tools }: Prompt): void {
    const words = this.#wordCount;
    const chars = text.length;
    const perChar = chars === 0 ? 0 : 10 / chars;
    const perWord = words === 0 ? 0 : 1 / words;
    const last = this.#lineCount === 0 ? { mean: 0, range: 0, numbers: 0 } : this.#lastLines();
    const sign = (which: number): number => this.#signs[which] ?? 0;
    let allSigns = 0;
    for (let which = 0; which <= signs.other; which++) allSigns += sign(which);
    const values: Record<(typeof countedNames)[number], number> = {
      inputTokens: Math.log1p(inputTokens),
      messages: Math.log1p(Math.max(0, (messages ?? 1) - 1)),
      tools: tools === true ? 1 : 0,
      words: Math.log1p(words),
      chars: Math.log1p(chars),
      distinct: Math.log1p(this.#distinct),
      fresh: this.#distinct * perWord,
      wordLength: this.#letters * perWord,
      shortWords: this.#short * perWord,
      longWords: this.#long * perWord,
      longestWords: this.#longest * perWord,
      digitShare: this.#digits * perChar,
      capitalShare: this.#capitals * perChar,
      signShare: allSigns * perChar,
      spaceShare: this.#spaces * perChar,
      numbers: Math.log1p(this.#numbers),
      decimals: this.#decimals,
      largestNumber: Math.log1p(this.#largest),
      meanNumber: Math.log1p(this.#numbers === 0 ? 0 : this.#sumOfNumbers / this.#numbers),
      sentences: Math.log1p(sign(signs.sentence) + sign(signs.question)),
      commas: Math.log1p(sign(signs.comma)),
      questions: Math.log1p(sign(signs.question)),
      mathSigns: Math.log1p(sign(signs.math)),
      percents: Math.log1p(sign(signs.percent)),
      money: Math.log1p(sign(signs.money)),
      quotes: Math.log1p(sign(signs.quote)),
      brackets: Math.log1p(sign(signs.bracket)),
      braces: Math.log1p(sign(signs.brace)),
      colons: Math.log1p(sign(signs.colon)),
      dashes: Math.log1p(sign(signs.dash)),
      apostrophes: Math.log1p(sign(signs.apostrophe)),
      blanks: this.#blanks,
      lines: Math.log1p(this.#lineCount),
      longestLine: Math.log1p(this.#longestLine),
      firstLine: Math.log1p(this.#firstLine),
      meanLine: Math.log1p(this.#lineCount === 0 ? 0 : chars / this.#lineCount),
      lastLines: Math.log1p(last.mean),
      lastLinesRange: Math.log1p(last.range),
      lastLinesNumbers: last.numbers,
      indented: Math.log1p(this.#indented),
    };
    const { measures } = this;
    for (let at = 0; at < countedNames.length; at++) {
      const name = countedNames[at];
      measures[at] = name === undefined ? 0 : values[name];
    }
    for (let at = 0; at < classNames.length; at++)
      measures[classesAt + at] = Math.log1p(this.#classes[at] ?? 0);
  }
}
