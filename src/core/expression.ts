/**
 * Reads regular expressions in the part of JavaScript's syntax that can be matched in time linear in the text, whatever text and expression
 * are: no back-references, no looking around. `expression-match.ts` runs what is read here.
 *
 * As in JavaScript without flags, a letter is a UTF-16 code unit, `.` is anything but a line end, and `^` and `$` are the ends of the text;
 * `(?i)` at the very start ignores case. Greedy and lazy are the same, since all that is asked is whether something matches.
 */

/** Inclusive ranges of code units, sorted, apart from each other. */
export type Ranges = readonly (readonly [number, number])[];

export type Part =
  /** `not`: all others; apart, since case is ignored before, not after. */
  | { readonly kind: 'letters'; readonly ranges: Ranges; readonly not?: true }
  | { readonly kind: 'sequence'; readonly parts: readonly Part[] }
  | { readonly kind: 'choice'; readonly parts: readonly Part[] }
  /** `most` absent: without end. */
  | { readonly kind: 'repeat'; readonly part: Part; readonly least: number; readonly most?: number }
  | { readonly kind: 'start' | 'end' | 'edge' | 'no-edge' };

export interface Expression {
  readonly part: Part;
  readonly ignoreCase: boolean;
}

/** What cannot be read, in words for who wrote it. */
export class ExpressionError extends Error {}

const last = 0xffff;
const mostDepth = 50;
const mostRepeats = 1000;

export const wordLetters: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const digits: Ranges = [[0x30, 0x39]];
const spaces: Ranges = normal([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]);
const notLineEnds: Ranges = inverse([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);
const classes = new Map<string, Ranges>([
  ['d', digits],
  ['D', inverse(digits)],
  ['w', wordLetters],
  ['W', inverse(wordLetters)],
  ['s', spaces],
  ['S', inverse(spaces)],
]);
const controls = new Map([
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['f', 0x0c],
  ['v', 0x0b],
  ['0', 0],
]);

/** Throws `ExpressionError`. */
export function readExpression(source: string): Expression {
  const ignoreCase = source.startsWith('(?i)');
  const reader: Reader = { source, at: ignoreCase ? 4 : 0 };
  const part = readChoice(reader, 0);
  if (reader.at < source.length) throw new ExpressionError('it closes a group that was not opened');
  return { part, ignoreCase };
}

interface Reader {
  readonly source: string;
  at: number;
}

function readChoice(reader: Reader, depth: number): Part {
  if (depth > mostDepth) throw new ExpressionError(`its groups are nested over ${mostDepth} deep`);
  const parts = [readSequence(reader, depth)];
  while (reader.source[reader.at] === '|') {
    reader.at += 1;
    parts.push(readSequence(reader, depth));
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'choice', parts };
}

function readSequence(reader: Reader, depth: number): Part {
  const parts: Part[] = [];
  for (;;) {
    const letter = reader.source[reader.at];
    if (letter === undefined || letter === '|' || letter === ')') return { kind: 'sequence', parts };
    parts.push(readRepeats(reader, readAtom(reader, letter, depth)));
  }
}

function readAtom(reader: Reader, letter: string, depth: number): Part {
  reader.at += 1;
  switch (letter) {
    case '^':
      return { kind: 'start' };
    case '$':
      return { kind: 'end' };
    case '.':
      return { kind: 'letters', ranges: notLineEnds };
    case '[':
      return readClass(reader);
    case '(':
      return readGroup(reader, depth);
    case '*':
    case '+':
    case '?':
      throw new ExpressionError(`"${letter}" repeats nothing`);
    case '\\':
      return readEscape(reader);
    default:
      return single(letter.charCodeAt(0));
  }
}

function single(code: number): Part {
  return { kind: 'letters', ranges: [[code, code]] };
}

function readGroup(reader: Reader, depth: number): Part {
  const opening = /\?(?::|<[A-Za-z_]\w*>)/y;
  opening.lastIndex = reader.at;
  const found = opening.exec(reader.source)?.[0];
  if (found !== undefined) reader.at += found.length;
  else if (reader.source[reader.at] === '?')
    throw new ExpressionError('it looks ahead or behind, or has flags inside, which cannot be done here');
  const part = readChoice(reader, depth + 1);
  if (reader.source[reader.at] !== ')') throw new ExpressionError('a group is not closed');
  reader.at += 1;
  return part;
}

function readRepeats(reader: Reader, part: Part): Part {
  const repeats = /(?:([*+?])|\{(\d{1,9})(?:(,)(\d{1,9})?)?\})\??/y;
  repeats.lastIndex = reader.at;
  const match = repeats.exec(reader.source);
  if (match === null) return part;
  if (part.kind !== 'letters' && part.kind !== 'sequence' && part.kind !== 'choice' && part.kind !== 'repeat')
    throw new ExpressionError('it repeats what has no length');
  reader.at += match[0].length;
  if (/^(?:[*+?]|\{\d+(?:,\d*)?\})/.test(reader.source.slice(reader.at, reader.at + 24)))
    throw new ExpressionError('it repeats a repeat; put a group around the inner one');
  const [, sign, from, comma, to] = match;
  if (sign !== undefined) {
    const least = sign === '+' ? 1 : 0;
    return sign === '?' ? { kind: 'repeat', part, least, most: 1 } : { kind: 'repeat', part, least };
  }
  const least = Number(from);
  const most = comma === undefined ? least : to === undefined ? undefined : Number(to);
  if (most !== undefined && most < least)
    throw new ExpressionError(`in {${least},${most}} the second number is the smaller one`);
  if (Math.max(least, most ?? 0) > mostRepeats)
    throw new ExpressionError(`it counts to over ${mostRepeats}, which takes too much memory`);
  return most === undefined ? { kind: 'repeat', part, least } : { kind: 'repeat', part, least, most };
}

function readEscape(reader: Reader): Part {
  const letter = reader.source[reader.at];
  if (letter === 'b' || letter === 'B') {
    reader.at += 1;
    return { kind: letter === 'b' ? 'edge' : 'no-edge' };
  }
  return { kind: 'letters', ranges: readEscaped(reader) };
}

/** After a backslash, in a class and outside. */
function readEscaped(reader: Reader): Ranges {
  const letter = reader.source[reader.at];
  if (letter === undefined) throw new ExpressionError('it ends in a backslash');
  reader.at += 1;
  const ranges = classes.get(letter);
  if (ranges !== undefined) return ranges;
  const hex = letter === 'x' ? 2 : letter === 'u' ? 4 : 0;
  let code = controls.get(letter);
  if (hex > 0) {
    const text = reader.source.slice(reader.at, reader.at + hex);
    if (!/^[\da-f]+$/i.test(text) || text.length < hex)
      throw new ExpressionError(`"\\${letter}" wants ${hex} hexadecimal digits`);
    reader.at += hex;
    code = Number.parseInt(text, 16);
  }
  if (code === undefined) {
    if (/[1-9k]/.test(letter))
      throw new ExpressionError('it refers back to a group, which cannot be done here');
    if (/[A-Za-z]/.test(letter)) throw new ExpressionError(`"\\${letter}" means nothing here`);
    code = letter.charCodeAt(0);
  } else if (letter === '0' && /\d/.test(reader.source[reader.at] ?? '')) {
    throw new ExpressionError('"\\0" followed by a digit is octal; write \\x and two digits');
  }
  return [[code, code]];
}

function readClass(reader: Reader): Part {
  const not = reader.source[reader.at] === '^';
  if (not) reader.at += 1;
  const ranges: (readonly [number, number])[] = [];
  for (;;) {
    const letter = reader.source[reader.at];
    if (letter === undefined) throw new ExpressionError('a class [ is not closed');
    if (letter === ']') break;
    const from = readClassLetter(reader, letter);
    const [next, after] = [reader.source[reader.at], reader.source[reader.at + 1]];
    if (next !== '-' || after === ']' || after === undefined) {
      ranges.push(...from);
      continue;
    }
    reader.at += 1;
    const to = readClassLetter(reader, after);
    const [[low, lowEnd] = [0, 1], [high, highEnd] = [0, 1]] = [from[0], to[0]];
    if (low !== lowEnd || high !== highEnd || from.length + to.length > 2)
      throw new ExpressionError('a range of a class goes from or to a class');
    if (high < low) throw new ExpressionError('a range of a class ends before it begins');
    ranges.push([low, high]);
  }
  reader.at += 1;
  return { kind: 'letters', ranges: normal(ranges), ...(not ? { not } : {}) };
}

function readClassLetter(reader: Reader, letter: string): Ranges {
  reader.at += 1;
  if (letter !== '\\') return [[letter.charCodeAt(0), letter.charCodeAt(0)]];
  if (reader.source[reader.at] === 'b') {
    reader.at += 1;
    return [[8, 8]];
  }
  return readEscaped(reader);
}

/** Sorted, and joined where they touch. */
export function normal(ranges: Ranges): Ranges {
  const joined: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = joined.at(-1);
    if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to);
    else joined.push([from, to]);
  }
  return joined;
}

export function inverse(ranges: Ranges): Ranges {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [start, end] of ranges) {
    if (start > from) gaps.push([from, start - 1]);
    from = end + 1;
  }
  if (from <= last) gaps.push([from, last]);
  return gaps;
}
