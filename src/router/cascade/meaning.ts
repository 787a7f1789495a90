/**
 * What an answer says, as far as two answers can be held beside each other: the calls it makes, else the part of its JSON that is named,
 * else its JSON without the members that explain, else what it concludes: an option's letter, a number, or its words.
 *
 * Taking different answers for the same lets a wrong one through; taking the same for different costs a call. So free text that comes to
 * no short conclusion is compared word by word, and long texts seldom say the same: a cascade on agreement is for questions with answers.
 */
import type { Choice } from '../../core/answer.ts';
import { isObject } from '../../core/json.ts';
import { parse } from '../../form/parse.ts';
import { readObject } from '../../form/read-json.ts';
import { textOf } from './words.ts';

/** Members in which models explain themselves, each in its own words. */
const explaining =
  /^(?:confidence|certainty|reason|reasons|reasoning|explanation|rationale|thoughts?|thinking|steps|analysis|justification|notes?)$/i;

/** What follows the last of these is the answer. */
const concluding = /(?:\banswer(?:\s+is)?\b\s*[:=]?|####|\\boxed\s*\{|\bis\s*:)\s*/gi;
const optionAlone = /^[\s("'*[]*([a-z])[\s)"'*\].:]*$/i;
const optionFirst = /^[\s("'*[]*([a-z])[)\].:]/i;
const oneNumber = /[-−]?\$?\s?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?/gi;

/** `undefined`: it says nothing that could be compared. */
export function meaningOf(choice: Pick<Choice, 'blocks'>, field?: string): string | undefined {
  const calls = choice.blocks.flatMap((block) =>
    block.type === 'tool-call' ? [`${block.name}(${argumentsOf(block.arguments)})`] : [],
  );
  // Which of several calls comes first is chance.
  if (calls.length > 0) return `calls ${calls.sort().join(' ')}`;
  const text = textOf(choice);
  if (text === '') return undefined;
  if (field !== undefined) {
    const part = memberAt(text, field);
    return part === undefined ? undefined : plain(part);
  }
  const list = parse(text)?.value;
  const json = Array.isArray(list) ? list : readObject(text);
  return json === undefined ? conclusionOf(text) : plain(withoutExplaining(json));
}

/** What an answer's JSON has at a path of names with dots between them. */
export function memberAt(text: string, path: string): unknown {
  const names = path.split('.');
  const reach = (value: unknown): unknown =>
    names.reduce((found, name) => (isObject(found) ? found[name] : undefined), value);
  return reach(readObject(text, (fields) => reach(fields) !== undefined));
}

function argumentsOf(text: string): string {
  if (text === '') return '{}';
  const json = parse(text);
  return json === undefined ? text.trim() : plain(json.value);
}

function withoutExplaining(value: object): unknown {
  if (Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([name]) => !explaining.test(name));
  // A lone member is the answer, whatever it is called: another model may have said the same without JSON.
  const [only, another] = kept;
  if (only !== undefined && another === undefined) return only[1];
  return kept.length === 0 ? value : Object.fromEntries(kept);
}

/** JSON with sorted names, and scalars written one way: `"18"` is `18`, `"Yes "` is `yes`. */
function plain(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inside).join(',')}]`;
  if (isObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${inside(value[name])}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'string') return numberOf(value) ?? words(value);
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** Words in quotes, so that a comma in them is not one between members. */
function inside(value: unknown): string {
  return typeof value === 'string' && numberOf(value) === undefined
    ? JSON.stringify(words(value))
    : plain(value);
}

function conclusionOf(text: string): string {
  const marked = [...text.matchAll(concluding)].at(-1);
  const end = marked === undefined ? undefined : text.slice(marked.index + marked[0].length);
  const short = end === undefined ? undefined : end.split(/\n|(?<=[^\d\s][.!])\s/)[0]?.replace(/\}.*$/, '');
  const said = short === undefined || short.trim() === '' ? text : short;
  const letter = (optionAlone.exec(said) ?? (short === undefined ? null : optionFirst.exec(said)))?.[1];
  if (letter !== undefined) return letter.toLowerCase();
  // What works towards a number ends with it.
  const last = said.trim().split('\n').at(-1) ?? '';
  const sentence = last.split(/(?<=[^\d\s][.!])\s/).at(-1) ?? last;
  const numbers = sentence.match(oneNumber) ?? [];
  const number = numbers.length === 1 ? numberOf(numbers[0]) : undefined;
  return number ?? words(said);
}

/** A number in one spelling: without thousands' commas, dollar signs, or zeros at its end. */
function numberOf(text: string): string | undefined {
  const bare = text
    .trim()
    .replace(/^([-−]?)\s*[$€£]\s*/, '$1')
    .replace('−', '-')
    .replace(/,(?=\d{3}\b)/g, '')
    .replace(/\s*%$/, '');
  // With a zero in front it is a code, whose zeros count.
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[-+]?\d+)?$/i.test(bare)) return undefined;
  // Beyond this a number would lose digits, and be the same as its neighbours.
  return bare.replace(/\D/g, '').length > 15 ? bare : String(Number(bare));
}

/** Lower case, without what punctuation and spacing add; all of it where nothing else is left, as in code. */
function words(text: string): string {
  const bare = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/^["'`*\s]+|["'`*.!\s]+$/g, '')
    .replace(/\s+/g, ' ')
    // Lists and code: `[1,2]` and `["a"]` are `[1, 2]` and `['a']`.
    .replace(/ ?([,:()[\]{}]) ?/g, '$1')
    .replace(/["`]/g, "'");
  return bare === '' ? text.trim() : bare;
}
