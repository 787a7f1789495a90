/**
 * Rebuilds a call's arguments from `partialArgs` (`streamFunctionCallArguments`): each piece sets one leaf, by JSON path; a string
 * goes on growing while its pieces say `willContinue`.
 */
import { GatewayError } from '../../../core/errors.ts';
import { asArray, asNumber, asObject, asString, isObject } from '../../../core/json.ts';

type Tree = { [key: string]: unknown };
type Step = string | number;

/** Far past any real call: an index or a depth beyond them is hostile. */
const mostItems = 10_000;
const deepest = 64;
const mostCharacters = 16 * 1024 * 1024;

export interface PartialArguments {
  add(partialArgs: unknown): void;
  /** Whole arguments that came in one piece after all. */
  replace(args: unknown): void;
  json(): string;
}

export function createPartialArguments(): PartialArguments {
  let root: Tree = emptyTree();
  let open: string | undefined;
  let characters = 0;

  function addPiece(piece: Readonly<Record<string, unknown>>): void {
    const path = asString(piece['jsonPath']);
    if (path === undefined) return;
    const text = asString(piece['stringValue']);
    characters += (text?.length ?? 0) + path.length;
    if (characters > mostCharacters) throw malformed('is too large');
    const value =
      text ??
      asNumber(piece['numberValue']) ??
      (typeof piece['boolValue'] === 'boolean' ? piece['boolValue'] : null);
    setLeaf(root, readPath(path), value, open === path);
    open = piece['willContinue'] === true ? path : undefined;
  }

  return {
    add(partialArgs) {
      for (const piece of asArray(partialArgs)) addPiece(asObject(piece));
    },
    replace(args) {
      root = Object.assign(emptyTree(), asObject(args));
    },
    json: () => JSON.stringify(root),
  };
}

/** Without a prototype, so that `__proto__` is a name like any other. */
function emptyTree(): Tree {
  return Object.create(null);
}

function setLeaf(root: Tree, steps: readonly Step[], value: unknown, append: boolean): void {
  let at: Tree | unknown[] = root;
  for (const [position, step] of steps.entries()) {
    const next = steps[position + 1];
    if (next === undefined) {
      const before = read(at, step);
      write(
        at,
        step,
        append && typeof before === 'string' && typeof value === 'string' ? before + value : value,
      );
      return;
    }
    const child = read(at, step);
    if (Array.isArray(child) || isObject(child)) {
      at = child;
      continue;
    }
    const made = typeof next === 'number' ? [] : emptyTree();
    write(at, step, made);
    at = made;
  }
}

function read(at: Tree | unknown[], step: Step): unknown {
  return Array.isArray(at) ? at[Number(step)] : at[step];
}

function write(at: Tree | unknown[], step: Step, value: unknown): void {
  if (!Array.isArray(at)) at[step] = value;
  else if (typeof step === 'number' && step <= mostItems) at[step] = value;
  else throw malformed('has a path that does not fit');
}

/** `$.operations[0].name`, `$['a key']`. */
function readPath(path: string): readonly Step[] {
  const steps: Step[] = [];
  let at = path.startsWith('$') ? 1 : 0;
  const step = /\.?([^.[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;
  while (at < path.length) {
    step.lastIndex = at;
    const match = step.exec(path);
    if (match === null || steps.length >= deepest) throw malformed('has a path that cannot be read');
    const [, name, index, single, double] = match;
    if (index !== undefined) steps.push(Number(index));
    else steps.push(name ?? (single ?? double ?? '').replace(/\\(.)/g, '$1'));
    at = step.lastIndex;
  }
  if (steps.length === 0) throw malformed('has a path that names nothing');
  return steps;
}

function malformed(what: string): GatewayError {
  return new GatewayError('upstream_malformed', `A streamed tool call of the provider ${what}.`);
}
