/** The part of a request that is read for its score: bounded, so that a request of any size costs the same. */

/**
 * Half from the start and half from the end: what is asked for stands at one of the two, and what lies between is mostly material. Each part
 * is cut before it is joined, so that a text of many megabytes is never copied.
 */
export function boundText(parts: readonly string[], mostChars: number): string {
  const total = parts.reduce((sum, part) => sum + part.length + 1, -1);
  if (total <= mostChars) return parts.join('\n');
  const head = Math.ceil((mostChars - 1) / 2);
  const tail = Math.floor((mostChars - 1) / 2);
  return `${fromStart(parts, head)}\n${fromEnd(parts, tail)}`.slice(0, Math.max(0, mostChars));
}

function fromStart(parts: readonly string[], most: number): string {
  let text = '';
  for (const part of parts) {
    if (text.length >= most) break;
    text = text === '' ? part.slice(0, most) : `${text}\n${part.slice(0, most - text.length)}`;
  }
  return text.slice(0, Math.max(0, most));
}

function fromEnd(parts: readonly string[], most: number): string {
  if (most <= 0) return '';
  let text = '';
  for (const part of parts.toReversed()) {
    if (text.length >= most) break;
    const kept = part.slice(-(most - text.length));
    text = text === '' ? kept : `${kept}\n${text}`;
  }
  return text.slice(-most);
}
