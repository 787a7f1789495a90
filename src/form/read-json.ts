/**
 * The object in what a model wrote, mended where that takes no guessing, for whoever reads a member of it and checks nothing. Lists and
 * objects that the words around it mention are passed over where a member is wanted that they do not have.
 */
import { isObject } from '../core/json.ts';
import { extract } from './extract.ts';
import { parse } from './parse.ts';
import { repair } from './repair.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The only object, or the only one that is `wanted`; `undefined` where there is none, or several that differ. */
export function readObject(
  text: string,
  wanted: (fields: Fields) => boolean = () => true,
): Fields | undefined {
  const whole = parse(text)?.value;
  if (isObject(whole)) return wanted(whole) ? whole : undefined;
  const { pieces, unclosed } = extract(text);
  const objects = pieces.filter((piece) => piece.startsWith('{'));
  return (
    onlyOne(objects, (piece) => parse(piece)?.value, wanted) ??
    onlyOne(objects, (piece) => mended(piece, false), wanted) ??
    onlyOne(unclosed?.startsWith('{') === true ? [unclosed] : [], (piece) => mended(piece, true), wanted)
  );
}

function onlyOne(
  pieces: readonly string[],
  read: (piece: string) => unknown,
  wanted: (fields: Fields) => boolean,
): Fields | undefined {
  const found = new Map<string, Fields>();
  for (const piece of pieces) {
    const value = read(piece);
    if (isObject(value) && wanted(value)) found.set(JSON.stringify(value), value);
  }
  const [only, another] = found.values();
  return another === undefined ? only : undefined;
}

function mended(piece: string, unclosed: boolean): unknown {
  const repaired = repair(piece, unclosed);
  return repaired.ok ? repaired.value : undefined;
}
