/** How a value of a config is shown in a message: as the file writes it, and never a secret. */
import { type Filled, pathKey } from './environment.ts';
import type { Path } from './problem.ts';

const longestShown = 60;

/** Settings of providers that hold secrets, by the words of their names. */
const secret = /(?:^|_)(?:key|secret|token|password|credentials)(?:$|_id$)|^secret_|^headers$/;

export type Seen = (path: Path, value: unknown) => string;

export function createSeen(written: Filled['written']): Seen {
  return (path, value) => {
    const text = written.get(pathKey(path));
    if (text !== undefined) return JSON.stringify(text).slice(0, longestShown);
    if (path[0] === 'providers' && path.some((part) => typeof part === 'string' && secret.test(part)))
      return 'the value (not shown)';
    if (typeof value !== 'string') return show(value);
    if (path[0] === 'redis' || path[0] === 'store') return show(withoutSecrets(value));
    return show(path[0] === 'providers' ? withoutCredentials(value) : value);
  };
}

/** Addresses may carry a password before the host or a key behind the question mark. */
function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, '//…@').replace(/[?#].+$/s, '?…');
}

/**
 * An address that lacks its scheme is no address yet, and may carry a password all the same. Where an @ stands behind a question mark nobody
 * knows which of both ends a password.
 */
function withoutSecrets(text: string): string {
  if (/[?#].*@/s.test(text)) return '…';
  return text.replace(/^.*@/s, '…@').replace(/[?#].+$/s, '?…');
}

export function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  if (value === undefined || value === null) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}
