/**
 * Finds the JSON in what a model wrote around it: a preamble, fences, thoughts, closing words. It finds, and changes nothing: what it gives
 * are pieces of the text, whole values with balanced brackets, for others to read and to choose from.
 *
 * The one thing it must not do is to take a part for the whole. In `{"a":{"b":1},"c":"x` the inner object is complete, and would be a
 * wrong answer without anybody noticing; so from an opening bracket of JSON that is never closed on, nothing is taken apart.
 */

export interface Extracted {
  /** Values with balanced brackets, in their order. Whether they are JSON is not known yet. */
  readonly pieces: readonly string[];
  /** A value that is not closed, from its bracket to the end of the text. */
  readonly unclosed?: string;
}

/** More values than this are no answer but a text about JSON. */
const mostPieces = 64;
/** Brackets of prose, such as `[sic`, that are passed over; each costs a walk to the end of the text. */
const mostStray = 16;

const opening = /[{[]/g;
/** What may follow the bracket where a list of JSON begins. */
const listStart = /^\[\s*(?:[[{"\]\-\d]|true\b|false\b|null\b|$)/;

export function extract(text: string): Extracted {
  const body = withoutThoughts(text);
  const pieces: string[] = [];
  let stray = 0;
  let from = 0;
  while (pieces.length < mostPieces && stray < mostStray) {
    opening.lastIndex = from;
    const start = opening.exec(body)?.index;
    if (start === undefined) break;
    const end = closingOf(body, start);
    if (end !== undefined) {
      pieces.push(body.slice(start, end));
      from = end;
    } else if (body[start] === '{' || listStart.test(body.slice(start, start + 64))) {
      return { pieces, unclosed: body.slice(start).replace(/\s*(?:```\s*)?$/, '') };
    } else {
      stray += 1;
      from = start + 1;
    }
  }
  return { pieces };
}

/** Thoughts may hold drafts of the answer, so they go first. Some models leave out the opening mark. */
function withoutThoughts(text: string): string {
  const open = /^\s*<(think|thinking|reasoning)>/.exec(text);
  if (open === null) {
    const close = /^[^{[]*<\/think(?:ing)?>/.exec(text);
    return close === null ? text : text.slice(close[0].length);
  }
  const close = `</${open[1]}>`;
  const end = text.indexOf(close);
  // Thoughts that never end were cut off before the answer.
  return end < 0 ? '' : text.slice(end + close.length);
}

/** Offset after the bracket that closes the one at `start`. Brackets in double quotes do not count. */
function closingOf(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const end = stringEnd(text, at);
      if (end === undefined) return undefined;
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

/** Offset of the closing quote. */
export function stringEnd(text: string, start: number): number | undefined {
  const quote = text.charCodeAt(start);
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === quote) return at;
  }
  return undefined;
}
