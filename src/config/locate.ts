/** Where in the file a problem stands. */
import { type Document, isAlias, isMap, isPair, isScalar, isSeq, type LineCounter } from 'yaml';
import type { LocatedProblem, Problem } from './problem.ts';

export type Locate = (problem: Problem) => LocatedProblem;

export function createLocate(file: string, document: Document, lines: LineCounter): Locate {
  return (problem) => locateAt(file, lines, offsetOf(problem, document), problem);
}

export function locateAt(file: string, lines: LineCounter, offset: number, problem: Problem): LocatedProblem {
  const { line, col } = lines.linePos(offset);
  return { ...problem, file, line: Math.max(1, line), column: Math.max(1, col) };
}

/** The offset of the deepest part of the path that exists. */
function offsetOf(problem: Problem, document: Document): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, part] of problem.path.entries()) {
    // What an anchor holds is reported where it is used.
    if (isAlias(node)) return offset;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
      );
      if (pair === undefined) return offset;
      const atKey = depth === problem.path.length - 1 && problem.atKey === true;
      offset = startOf(atKey || isEmpty(pair.value) ? pair.key : pair.value) ?? offset;
      node = pair.value;
    } else {
      node = isSeq(node) && typeof part === 'number' ? node.items[part] : undefined;
      offset = startOf(node) ?? offset;
    }
  }
  return offset;
}

/** `key:` with nothing behind it has no place of its own. */
function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && node.source === '');
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range))
    return undefined;
  const offset: unknown = node.range[0];
  return typeof offset === 'number' ? offset : undefined;
}
