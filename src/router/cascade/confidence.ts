/** The confidence that an answer carries in itself: what it says of itself, or how probable its words were. */
import type { Answer, Choice } from '../../core/answer.ts';
import type { ConfidenceSource } from './contract.ts';
import { memberAt } from './meaning.ts';
import { textOf } from './words.ts';

/** `undefined`: it cannot be read, or its source is others. Of several answers to one request, the least. */
export function readConfidence(source: ConfidenceSource, answer: Answer): number | undefined {
  let least: number | undefined;
  for (const choice of answer.choices) {
    const score = ofChoice(source, choice);
    if (score === undefined) return undefined;
    least = Math.min(least ?? 1, score);
  }
  return least;
}

function ofChoice(source: ConfidenceSource, choice: Choice): number | undefined {
  switch (source.from) {
    case 'field':
      return shareOf(memberAt(textOf(choice), source.field));
    case 'logprobs':
      return meanProbability(choice.logprobs);
    case 'agreement':
    case 'judge':
      return undefined;
  }
}

/** A number from 0 to 1, also as text. Anything else is not taken for one: 85 may be of 100, or of 90. */
export function shareOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\s*[01]?\.?\d+\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && number >= 0 && number <= 1 ? number : undefined;
}

/** The geometric mean: a long answer is as sure as its words are, not less for being long. */
function meanProbability(logprobs: Choice['logprobs']): number | undefined {
  if (logprobs === undefined || logprobs.length === 0) return undefined;
  const sum = logprobs.reduce((total, { logprob }) => total + logprob, 0);
  const mean = Math.exp(sum / logprobs.length);
  return Number.isFinite(mean) ? Math.min(1, mean) : undefined;
}
