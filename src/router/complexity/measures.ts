/**
 * What is measured of a request, by name. The order is that of the numbers in stored labels and in trained scorers: a measure that is added or
 * changed makes a new `measuresVersion`, and what was learnt under the old one is not used any more.
 */
import { classNames } from './words.ts';

export const measuresVersion = 1;

const counted = [
  ...['inputTokens', 'messages', 'tools', 'words', 'chars', 'distinct', 'fresh', 'wordLength', 'shortWords'],
  ...[
    'longWords',
    'longestWords',
    'digitShare',
    'capitalShare',
    'signShare',
    'spaceShare',
    'numbers',
    'decimals',
  ],
  ...[
    'largestNumber',
    'meanNumber',
    'sentences',
    'commas',
    'questions',
    'mathSigns',
    'percents',
    'money',
    'quotes',
  ],
  ...['brackets', 'braces', 'colons', 'dashes', 'apostrophes', 'blanks', 'lines', 'longestLine', 'firstLine'],
  ...['meanLine', 'lastLines', 'lastLinesRange', 'lastLinesNumbers', 'indented'],
] as const;

export type Counted = (typeof counted)[number];

export const measureNames: readonly string[] = [...counted, ...classNames.map((name) => `class:${name}`)];

export const countedNames: readonly Counted[] = counted;
/** Where the measures of word classes begin. */
export const classesAt = counted.length;
