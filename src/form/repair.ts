/**
 * Mends JSON as models break it: single quotes, names without quotes, commas too many or too few, comments, Python's words, a bracket that
 * is missing at the end. `jsonrepair` does the mending; what it would guess is refused before, since a guessed value is worse than none:
 *
 * - A number that is none (`NaN`, `1_000`, `0x1F`, `007`, `-`): it would become a text, or another number.
 * - `...`: what was left out would be missing without a trace.
 * - An end in the middle of a text, a number or a member: what is lost cannot be known. Only closing brackets are added.
 */
import { JSONRepairError, jsonrepair } from 'jsonrepair';
import { stringEnd } from './extract.ts';
import { parse } from './parse.ts';

export type Repaired =
  | { readonly ok: true; readonly text: string; readonly value: unknown }
  | { readonly ok: false; readonly reason: string };

/** Longer broken answers are not worth the time; a model that writes 16k tokens writes about 64 kB. */
const mostLetters = 1_000_000;

/** `unclosed`: its last brackets are missing. */
export function repair(text: string, unclosed: boolean): Repaired {
  if (text.length > mostLetters) return refused(`it is broken and over ${mostLetters} letters long`);
  if (unclosed && !endsWithValue(text)) return refused('it is cut off');
  const guess = findGuess(text);
  if (guess !== undefined) return refused(guess);
  try {
    // The missing brackets are added here: the library, seeing no end, doubts the quotes before it.
    const closed = unclosed ? text + missingBrackets(text) : text;
    const whole = parse(closed);
    if (whole !== undefined) return { ok: true, text: closed, value: whole.value };
    const mended = jsonrepair(closed);
    return { ok: true, text: mended, value: JSON.parse(mended) as unknown };
  } catch (thrown) {
    // A RangeError is the stack: nested too deep for a program that recurses.
    const expected = [JSONRepairError, SyntaxError, RangeError].some((kind) => thrown instanceof kind);
    if (!expected) throw thrown;
    return refused('it cannot be read or mended');
  }
}

/** A text at the very end must be a member's value for certain: as a name it would have lost its value, in a list it may go on. */
function endsWithValue(text: string): boolean {
  if (!text.endsWith('"')) return /[\]}]$/.test(text);
  let start = -1;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) {
    const end = stringEnd(text, at);
    if (end === undefined) return false;
    start = at;
    at = end;
  }
  return start >= 0 && text.slice(0, start).trimEnd().endsWith(':');
}

/** What closes the brackets that are open at the end, innermost first. */
function missingBrackets(text: string): string {
  const open: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at);
    if (letter === '"') at = stringEnd(text, at) ?? text.length;
    else if (letter === '{') open.push('}');
    else if (letter === '[') open.push(']');
    else if (letter === '}' || letter === ']') open.pop();
  }
  return open.reverse().join('');
}

function refused(reason: string): Repaired {
  return { ok: false, reason };
}

const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const numberLike = /^[-+.\d]|^(?:nan|inf|infinity|undefined)$/i;
const closers = new Map([
  ['"', '"'],
  ["'", "'"],
  ['`', '`'],
]);

/** A reason to refuse, where mending would have to guess. Reads words outside quotes and comments. */
function findGuess(text: string): string | undefined {
  // A word ends at anything that JSON, or what models take for it, sets beside one.
  const word = /[^\s,:{}[\]"'`/()]+/y;
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at);
    if (closers.has(letter)) {
      const end = stringEnd(text, at);
      if (end === undefined) return 'it is cut off inside a text';
      at = end;
    } else if (letter === '/') {
      at = commentEnd(text, at);
    } else {
      word.lastIndex = at;
      const found = word.exec(text)?.[0];
      if (found === undefined) continue;
      at += found.length - 1;
      const isName = /^\s*:/.test(text.slice(at + 1, at + 64));
      if (!isName && numberLike.test(found) && !number.test(found)) {
        return 'it has a number, or a word in place of one, that JSON does not have';
      }
    }
  }
  return undefined;
}

/** Offset of the last letter of a comment that begins at `start`; `start` where none does. */
function commentEnd(text: string, start: number): number {
  const close = text[start + 1] === '/' ? '\n' : text[start + 1] === '*' ? '*/' : undefined;
  if (close === undefined) return start;
  const end = text.indexOf(close, start + 2);
  return end < 0 ? text.length : end + close.length - 1;
}
