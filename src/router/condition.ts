/** Whether a rule's condition holds for a request. All that the condition names must hold. */
import { matchesPattern } from '../core/pattern.ts';
import type { Condition, Considered, Range } from './contract.ts';

/** `score`: the complexity of the request; asked for last, since it alone takes time. `undefined`: nobody can say. */
export function holds(
  when: Condition,
  request: Considered,
  score: () => number | undefined = () => undefined,
): boolean {
  const { facts } = request;
  return (
    (when.model === undefined || when.model.some((pattern) => matchesPattern(pattern, facts.model))) &&
    (when.stream === undefined || when.stream === facts.stream) &&
    (when.priority === undefined || when.priority.includes(request.priority)) &&
    (when.tags === undefined || when.tags.every((tag) => request.tags.includes(tag))) &&
    (when.needs === undefined || when.needs.every((capability) => facts.needs.includes(capability))) &&
    (when.inputTokens === undefined || within(when.inputTokens, facts.inputTokens)) &&
    (when.maxOutputTokens === undefined || within(when.maxOutputTokens, facts.maxOutputTokens ?? 0)) &&
    (when.deadline === undefined || withinKnown(when.deadline, request.budgetMs)) &&
    (when.headers === undefined || holdsHeaders(when.headers, request)) &&
    (when.complexity === undefined || withinKnown(when.complexity, score()))
  );
}

function holdsHeaders(wanted: Readonly<Record<string, string>>, request: Considered): boolean {
  return Object.entries(wanted).every(([name, pattern]) => {
    const value = request.headers[name];
    if (value === undefined) return false;
    return typeof value === 'string'
      ? matchesPattern(pattern, value)
      : value.some((one) => matchesPattern(pattern, one));
  });
}

function withinKnown(range: Range, value: number | undefined): boolean {
  return value !== undefined && within(range, value);
}

function within(range: Range, value: number): boolean {
  return (range.min === undefined || value >= range.min) && (range.max === undefined || value <= range.max);
}
