/** Rules that answer an item without a model: the first whose conditions all hold gives the answer. Compiled once, linear in the text. */
import type { Matcher } from '../core/expression-match.ts';
import { compileExpression } from '../core/expression-match.ts';

export interface PrefilterRule {
  readonly when: {
    readonly contains?: string | undefined;
    /** See `core/expression.ts` for what it may be. */
    readonly matches?: string | undefined;
    /** But for white space around either. */
    readonly equals?: string | undefined;
    /** UTF-16 code units, white space around not counted. */
    readonly max_chars?: number | undefined;
  };
  readonly answer: string;
}

interface CompiledRule {
  readonly contains: string | undefined;
  readonly matches: Matcher | undefined;
  readonly equals: string | undefined;
  readonly mostChars: number | undefined;
  readonly answer: string;
}

export type CompiledRules = readonly CompiledRule[];

/** Throws `ExpressionError`, which the config's schema has seen before. */
export function compileRules(rules: readonly PrefilterRule[]): CompiledRules {
  return rules.map(({ when, answer }) => ({
    contains: when.contains,
    matches: when.matches === undefined ? undefined : compileExpression(when.matches),
    equals: when.equals?.trim(),
    mostChars: when.max_chars,
    answer,
  }));
}

/** The answer to the last words of a user, if a rule has one. */
export function prefilter(rules: CompiledRules, lastText: string): string | undefined {
  if (rules.length === 0) return undefined;
  const text = lastText.trim();
  return rules.find((rule) => holds(rule, lastText, text))?.answer;
}

/** The cheap conditions first. */
function holds(rule: CompiledRule, whole: string, trimmed: string): boolean {
  if (rule.mostChars !== undefined && trimmed.length > rule.mostChars) return false;
  if (rule.equals !== undefined && trimmed !== rule.equals) return false;
  if (rule.contains !== undefined && !whole.includes(rule.contains)) return false;
  return rule.matches === undefined || rule.matches.test(whole);
}
