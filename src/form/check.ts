/**
 * Whether an answer has the form that its caller asked for; mended where that takes no guessing.
 *
 * Where a text holds several values that would do, and they differ, none is taken: a draft and its correction look alike.
 */
import type { OutputFormat } from '../core/request.ts';
import { extract } from './extract.ts';
import { parse } from './parse.ts';
import { repair } from './repair.ts';
import { compileSchema, type Validate } from './schema.ts';

export type Checked =
  /** The text as it stands. */
  | { readonly kind: 'good' }
  /** `text` is JSON of the form that was asked for. */
  | { readonly kind: 'repaired'; readonly text: string }
  /** `message` is a sentence, and repeats nothing that the model wrote but names of members. */
  | { readonly kind: 'wrong'; readonly message: string };

const good: Checked = Object.freeze({ kind: 'good' });

/** Why answers cannot be checked against a format, for telling so before anything is sent; `undefined` if they can. */
export function schemaProblem(format: OutputFormat): string | undefined {
  if (format.kind !== 'schema') return undefined;
  const compiled = compileSchema(format.schema);
  return compiled.ok ? undefined : `The schema of the answer cannot be checked: ${compiled.reason}.`;
}

/** An answer to a schema that cannot be checked need only be JSON. */
export function checkAnswer(text: string, format: OutputFormat): Checked {
  if (format.kind === 'text') return good;
  const fits = fitsOf(format);
  const whole = parse(text);
  if (whole !== undefined) {
    const problem = fits(whole.value);
    // A text in quotes may hold the JSON that was meant; anything else that is whole has said what it says.
    if (problem === undefined) return good;
    if (typeof whole.value !== 'string') return wrong(`The answer ${problem}.`);
    const inner = parse(whole.value);
    return inner !== undefined && fits(inner.value) === undefined
      ? { kind: 'repaired', text: whole.value }
      : wrong(`The answer ${problem}.`);
  }
  return search(text, fits);
}

/** JSON mode promises an object; a list is as good a container, a lone word or number is prose. */
function fitsOf(format: OutputFormat): Validate {
  if (format.kind === 'schema') {
    const compiled = compileSchema(format.schema);
    if (compiled.ok) return compiled.validate;
  }
  return (value) =>
    typeof value === 'object' && value !== null ? undefined : 'is neither an object nor a list';
}

function search(text: string, fits: Validate): Checked {
  const { pieces, unclosed } = extract(text);
  const read = pieces.map((piece) => ({ piece, parsed: parse(piece) }));
  const found = new Map<string, string>();
  let problem: string | undefined;
  for (const { piece, parsed } of read) {
    if (parsed === undefined) continue;
    const misfit = fits(parsed.value);
    if (misfit === undefined) found.set(JSON.stringify(parsed.value), piece);
    else problem ??= misfit;
  }
  // `[1]` in prose is a footnote, not a second answer.
  const objects = [...found.values()].filter((piece) => piece.startsWith('{'));
  const chosen = objects.length > 0 ? objects : [...found.values()];
  if (unclosed === undefined && chosen.length === 1) return { kind: 'repaired', text: chosen[0] ?? '' };
  if (chosen.length > 1) return wrong('The answer holds several different values that fit.');

  const broken = unclosed ?? longest(read.filter(({ parsed }) => parsed === undefined));
  if (broken === undefined) return wrong(`The answer ${problem ?? 'holds no JSON'}.`);
  // One that fits and then the beginning of another: which was meant is not known.
  if (chosen.length > 0) return wrong('The answer is cut off.');
  const repaired = repair(broken, unclosed !== undefined);
  if (!repaired.ok) return wrong(`The answer’s JSON is broken: ${repaired.reason}.`);
  const misfit = fits(repaired.value);
  return misfit === undefined
    ? { kind: 'repaired', text: repaired.text }
    : wrong(`The answer, once mended, ${misfit}.`);
}

function longest(read: readonly { readonly piece: string }[]): string | undefined {
  let best: string | undefined;
  for (const { piece } of read) if (best === undefined || piece.length > best.length) best = piece;
  return best;
}

function wrong(message: string): Checked {
  return { kind: 'wrong', message };
}
