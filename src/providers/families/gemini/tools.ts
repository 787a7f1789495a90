/**
 * Tool names as Gemini takes them, and back.
 *
 * One bad name makes Gemini refuse the whole request. A name that breaks its rule is cleaned, shortened and marked with a hash
 * of the original, so the same tool has the same name in every turn and on every replica, and no two tools meet in one
 * name: a name that carries the mark by itself is marked again. Replies say only the sent name, so the originals are kept here,
 * the most recently sent ones, for the life of the endpoint.
 */
import { createHash } from 'node:crypto';

export type ToolKind = 'function' | 'custom';

export interface ToolName {
  readonly name: string;
  readonly kind: ToolKind;
}

export interface ToolNames {
  toWire(name: string, kind: ToolKind): string;
  fromWire(name: string): ToolName;
}

/** The specification says 128; older models refuse more than 64. */
const longest = 64;
const hashLetters = 12;
const mark = '_gw';
const valid = /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/;
const marked = /_gw[0-9a-f]{12}$/;

/** Needed only while calls are in flight; forgetting one costs a reply its tool name, so this is far more than any traffic holds. */
const mostKept = 20_000;

export function createToolNames(): ToolNames {
  const kept = new Map<string, ToolName>();
  return {
    toWire(name, kind) {
      // A custom tool is always marked: its calls must be told from a function's when they come back.
      if (kind === 'function' && valid.test(name) && !marked.test(name)) return name;
      const wire = markName(name, kind);
      kept.delete(wire);
      kept.set(wire, { name, kind });
      const oldest = kept.size > mostKept ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
      return wire;
    },
    fromWire: (name) => kept.get(name) ?? { name, kind: 'function' },
  };
}

function markName(name: string, kind: ToolKind): string {
  const hash = createHash('sha256').update(`${kind}:${name}`).digest('hex').slice(0, hashLetters);
  const clean = name.replace(/[^A-Za-z0-9_.:-]/g, '_').replace(/^(?![A-Za-z_])/, '_');
  return `${clean.slice(0, longest - mark.length - hashLetters)}${mark}${hash}`;
}
