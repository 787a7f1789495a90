/**
 * `Prefer` (RFC 7240): `respond-async`, and `wait=N`, which says for how many seconds its caller holds the line before it would rather be told
 * to come back. Whatever else is in there, or cannot be read, is ignored, as the RFC has it.
 */
import type { IncomingHttpHeaders } from 'node:http';

export interface Wish {
  /** Absent: `wait` was not said. */
  readonly holdMs?: number;
}

/** Longer than this no line is held for an answer that is kept anyway: proxies in between would cut it. */
const mostHoldMs = 60_000;

/** The wish not to wait for the answer; nothing where nobody wishes so. */
export function readAsyncWish(headers: IncomingHttpHeaders): Wish | undefined {
  const preferences = readPreferences(headers);
  if (!preferences.has('respond-async')) return undefined;
  const holdMs = readHold(preferences);
  return holdMs === undefined ? {} : { holdMs };
}

/** `wait=N` alone, for those who ask about what is kept. */
export function readWait(headers: IncomingHttpHeaders): number | undefined {
  return readHold(readPreferences(headers));
}

function readPreferences(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  const value = headers['prefer'];
  // Several headers of a name that Node does not know come as one, but its types do not say so.
  const text = Array.isArray(value) ? value.join(',') : value;
  return text === undefined ? new Map() : parsePrefer(text);
}

function readHold(preferences: ReadonlyMap<string, string>): number | undefined {
  const text = preferences.get('wait');
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  return Math.min(mostHoldMs, Number(text) * 1000);
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const quoted = '"(?:[^"\\\\]|\\\\.)*"';
/** A preference, its parameters passed over; then a comma or the end. */
const preference = new RegExp(
  `[\\s,]*(${token})[ \\t]*(?:=[ \\t]*(${token}|${quoted})?)?[ \\t]*((?:;(?:[^",]|${quoted})*)?)[ \\t]*(?=,|$)`,
  'y',
);
/** What is none, to the next comma that no quotes hold. */
const anything = new RegExp(`[\\s,]*(?:[^",]|${quoted}|")*`, 'y');

/** By their names in lower case; of two of a name the first holds. */
export function parsePrefer(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    preference.lastIndex = at;
    const match = preference.exec(text);
    if (match !== null) {
      const name = (match[1] ?? '').toLowerCase();
      if (!found.has(name)) found.set(name, unquote(match[2] ?? ''));
      at = preference.lastIndex;
      continue;
    }
    anything.lastIndex = at;
    anything.exec(text);
    at = Math.max(at + 1, anything.lastIndex);
  }
  return found;
}

function unquote(word: string): string {
  return word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word;
}
