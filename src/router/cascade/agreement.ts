/**
 * Whether answers agree. The first number decides: do they say the same? The second only orders answers that are alike in that: those that
 * came to the same end by the same words are right more often than those that did so by others. It keeps an answer that agrees above
 * `alike.least`, so that a threshold below that means "says the same".
 */
import type { Answer, Choice } from '../../core/answer.ts';
import type { Cascade } from './contract.ts';
import { meaningOf } from './meaning.ts';
import { textOf } from './words.ts';

/** The part of the scale for answers that say the same, and for those that do not. */
const alike = { least: 0.9, most: 1 };
const different = { least: 0, most: 0.5 };

/** Words of an answer that are looked at; longer ones say no more about how alike two are. */
const mostWords = 2_000;

/**
 * How much others agree with the first, from 0 to 1: the mean over them. Those that say nothing are left out; `undefined`: the first says
 * nothing, or nobody else does.
 */
export function agreementOf(answers: readonly Answer[], field?: string): number | undefined {
  const [first, ...others] = answers;
  if (first === undefined) return undefined;
  // Of several answers to one request, the least sure one counts.
  const scores = first.choices.map((choice) => agreementOfChoice(choice, others, field));
  let least: number | undefined;
  for (const score of scores) {
    if (score === undefined) return undefined;
    least = Math.min(least ?? 1, score);
  }
  return least;
}

/** For audits: whether both say the same. `undefined`: one of them says nothing. */
export function sayTheSame(one: Answer, other: Answer, field?: string): boolean | undefined {
  const agreement = agreementOf([one, other], field);
  return agreement === undefined ? undefined : agreement >= alike.least;
}

/** The part of answers that is compared, where only one is. */
export function comparedField(cascade: Pick<Cascade, 'confidence'> | undefined): string | undefined {
  return cascade?.confidence.from === 'agreement' ? cascade.confidence.field : undefined;
}

function agreementOfChoice(
  choice: Choice,
  others: readonly Answer[],
  field: string | undefined,
): number | undefined {
  const said = meaningOf(choice, field);
  if (said === undefined) return undefined;
  const own = wordingOf(textOf(choice));
  let sum = 0;
  let count = 0;
  for (const other of others.flatMap(({ choices }) => choices)) {
    const meant = meaningOf(other, field);
    if (meant === undefined) continue;
    const same = meant === said;
    const { least, most } = same ? alike : different;
    sum += least + (most - least) * likeness(own, wordingOf(textOf(other)), same ? lent : 0);
    count += 1;
  }
  return count === 0 ? undefined : sum / count;
}

interface Wording {
  /** Three words in a row. */
  readonly triples: ReadonlySet<string>;
  readonly words: number;
}

function wordingOf(text: string): Wording {
  const words = (text.toLowerCase().match(/\d+(?:\.\d+)?|\p{L}+/gu) ?? []).slice(0, mostWords);
  const triples = new Set<string>();
  for (let index = 2; index < words.length; index++)
    triples.add(`${words[index - 2]} ${words[index - 1]} ${words[index]}`);
  return { triples, words: words.length };
}

/**
 * Triples that answers which say the same are taken to share beyond those that they do, so that a word or two do not part short answers, and long
 * ones that came by different ways do part. Anything from 20 to 100 ranks about as well, measured on reasoned answers; so does a length's
 * weight from a twentieth to a sixth.
 */
const lent = 50;
const lengthWeight = 1 / 11;

/** From 0 to 1: of the triples that either has, the share that both have; and whether they needed as many words. */
function likeness(one: Wording, other: Wording, more: number): number {
  let shared = more;
  for (const triple of one.triples) if (other.triples.has(triple)) shared += 1;
  const all = one.triples.size + other.triples.size - (shared - more) + more;
  if (all === 0) return 0;
  const longer = Math.max(one.words, other.words);
  const length = longer === 0 ? 1 : Math.min(one.words, other.words) / longer;
  return (1 - lengthWeight) * (shared / all) + lengthWeight * length;
}
