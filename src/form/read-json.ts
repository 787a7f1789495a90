/** The JSON in what a model wrote, mended where that takes no guessing, for whoever reads a member of it and checks nothing. */
import { checkAnswer } from './check.ts';
import { parse } from './parse.ts';

/** An object or a list, wrapped; `undefined` where the text holds none, or several that differ. */
export function readJson(text: string): { readonly value: object } | undefined {
  const checked = checkAnswer(text, { kind: 'json' });
  if (checked.kind === 'wrong') return undefined;
  const value = parse(checked.kind === 'repaired' ? checked.text : text)?.value;
  return typeof value === 'object' && value !== null ? { value } : undefined;
}
