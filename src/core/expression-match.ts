/**
 * Matches regular expressions in time linear in the text.
 *
 * The expression becomes a machine of states that letters lead between; the sets of states that a text leads to are made when they are
 * first met, and kept, so that most letters cost one look-up. Letters that no part of the expression tells apart share a column.
 * What depends on a letter's neighbours (`^`, `$`, `\b`) is decided when the next letter is known. Memory is bounded: too many
 * sets, and all are forgotten and made anew.
 */
import {
  ExpressionError,
  inverse,
  type Part,
  type Ranges,
  readExpression,
  wordLetters,
} from './expression.ts';

export interface Matcher {
  /** Whether anything in `text` matches. */
  test(text: string): boolean;
}

const mostStates = 4000;
const mostSets = 500;

/** One state: `letters` leads on with a letter; the others lead on without one. */
type State =
  | { kind: 'letters'; ranges: Ranges; next: number }
  | { kind: 'split'; next: number; other: number }
  | { kind: 'start' | 'end' | 'edge' | 'no-edge'; next: number }
  | { kind: 'match' };

/** Throws `ExpressionError`, in words for who wrote it. */
export function compileExpression(source: string): Matcher {
  const { part, ignoreCase } = readExpression(source);
  const states: State[] = [{ kind: 'match' }];
  const first = build(part, 0, states, ignoreCase);
  const columns = columnsOf(states);
  return createMatcher(states, first, columns, ignoreCase);
}

/** Adds the states of `part`, from back to front; answers the first of them. */
function build(part: Part, next: number, states: State[], ignoreCase: boolean): number {
  const add = (state: State): number => {
    if (states.length >= mostStates) throw new ExpressionError('it is too long, or counts too high');
    return states.push(state) - 1;
  };
  switch (part.kind) {
    case 'letters': {
      const ranges = ignoreCase ? folded(part.ranges) : part.ranges;
      return add({ kind: 'letters', ranges: part.not ? inverse(ranges) : ranges, next });
    }
    case 'sequence':
      return part.parts.reduceRight((after, inner) => build(inner, after, states, ignoreCase), next);
    case 'choice': {
      const starts = part.parts.map((inner) => build(inner, next, states, ignoreCase));
      return starts.reduceRight((other, start) => add({ kind: 'split', next: start, other }));
    }
    case 'repeat': {
      let start = next;
      if (part.most === undefined) {
        const loop = { kind: 'split' as const, next, other: next };
        start = add(loop);
        loop.next = build(part.part, start, states, ignoreCase);
      }
      for (let count = part.least; count < (part.most ?? 0); count++) {
        const inner = build(part.part, start, states, ignoreCase);
        start = add({ kind: 'split', next: inner, other: next });
      }
      for (let count = 0; count < part.least; count++) {
        const inner = build(part.part, start, states, ignoreCase);
        // Nothing, a thousand times over, is nothing.
        if (inner === start) break;
        start = inner;
      }
      return start;
    }
    default:
      return add({ kind: part.kind, next });
  }
}

/** As JavaScript without `u` has it: upper case, where that is one letter and does not leave or enter ASCII. */
function fold(code: number): number {
  folds ??= Uint16Array.from({ length: 0x10000 }, (_, one) => {
    const upper = String.fromCharCode(one).toUpperCase();
    const folded = upper.length === 1 ? upper.charCodeAt(0) : one;
    return one >= 128 && folded < 128 ? one : folded;
  });
  return folds[code] ?? code;
}

/** 128 kB, for those who ignore case. */
let folds: Uint16Array | undefined;

function folded(ranges: Ranges): Ranges {
  const has = new Uint8Array(0x10001);
  for (const [from, to] of ranges) for (let code = from; code <= to; code++) has[fold(code)] = 1;
  const made: [number, number][] = [];
  for (let from = has.indexOf(1); from >= 0; ) {
    // The last place is never set, so that every range ends.
    const end = has.indexOf(0, from);
    made.push([from, end - 1]);
    from = has.indexOf(1, end);
  }
  return made;
}

/** Where each column begins; the last ends at the last code unit. */
function columnsOf(states: readonly State[]): readonly number[] {
  const bounds = new Set([0]);
  for (const ranges of [
    wordLetters,
    ...states.flatMap((state) => (state.kind === 'letters' ? [state.ranges] : [])),
  ]) {
    for (const [from, to] of ranges) bounds.add(from).add(to + 1);
  }
  bounds.delete(0x10000);
  return [...bounds].sort((a, b) => a - b);
}

/** Of which kind the letter before is: `\b` asks. */
type Before = 'none' | 'word' | 'other';

interface StateSet {
  /** States to go on from, before what needs no letter was followed. */
  readonly states: readonly number[];
  readonly before: Before;
  /** Where each column leads; the last column is the end of the text. */
  readonly leads: (StateSet | undefined)[];
}

function createMatcher(
  states: readonly State[],
  first: number,
  columns: readonly number[],
  ignoreCase: boolean,
): Matcher {
  const matched: StateSet = { states: [], before: 'none', leads: [] };
  const failed: StateSet = { states: [], before: 'none', leads: [] };
  const ascii = Uint16Array.from({ length: 128 }, (_, code) =>
    columnOf(columns, ignoreCase ? fold(code) : code),
  );
  const words = columns.map((code) => wordLetters.some(([from, to]) => code >= from && code <= to));
  const end = columns.length;
  let sets = new Map<string, StateSet>();
  const start = setOf([first], 'none');

  function setOf(next: readonly number[], before: Before): StateSet {
    const name = `${before}${next.join()}`;
    const found = sets.get(name);
    if (found !== undefined) return found;
    // What is running keeps its own set, and leads to new ones.
    if (sets.size >= mostSets) {
      for (const set of sets.values()) set.leads.fill(undefined);
      sets = new Map();
    }
    const made: StateSet = { states: next, before, leads: new Array(end + 1).fill(undefined) };
    sets.set(name, made);
    return made;
  }

  /** From a set with the letter of a column, or the end of the text. */
  function lead(from: StateSet, column: number): StateSet {
    const isWord = column < end && words[column] === true;
    const edge = isWord !== (from.before === 'word');
    const next = new Set<number>([first]);
    const reached = new Set<number>();
    const open = [...from.states];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (reached.has(at)) continue;
      reached.add(at);
      const state = states[at];
      if (state === undefined) continue;
      if (state.kind === 'match') return matched;
      if (state.kind === 'split') open.push(state.next, state.other);
      else if (state.kind === 'letters') {
        if (column < end && holds(state.ranges, columns[column] ?? 0)) next.add(state.next);
      } else if (
        state.kind === 'start'
          ? from.before === 'none'
          : state.kind === 'end'
            ? column === end
            : (state.kind === 'edge') === edge
      )
        open.push(state.next);
    }
    if (column === end) return failed;
    return setOf(
      [...next].sort((a, b) => a - b),
      isWord ? 'word' : 'other',
    );
  }

  return {
    test(text) {
      let set = start;
      for (let at = 0; at <= text.length; at++) {
        let column = end;
        if (at < text.length) {
          const code = text.charCodeAt(at);
          column = code < 128 ? (ascii[code] ?? 0) : columnOf(columns, ignoreCase ? fold(code) : code);
        }
        let to = set.leads[column];
        if (to === undefined) {
          to = lead(set, column);
          set.leads[column] = to;
        }
        if (to === matched) return true;
        set = to;
      }
      return false;
    },
  };
}

function holds(ranges: Ranges, code: number): boolean {
  return ranges.some(([from, to]) => code >= from && code <= to);
}

/** The last that begins at or before `code`. */
function columnOf(columns: readonly number[], code: number): number {
  let [low, high] = [0, columns.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((columns[middle] ?? 0) <= code) low = middle;
    else high = middle - 1;
  }
  return low;
}
