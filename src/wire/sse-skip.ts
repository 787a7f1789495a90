/**
 * Recognises an event that equals the last parsed delta but for the text it adds, without parsing it.
 *
 * Learns the delta's bytes as literal segments around "holes" (the delta's text, and noise fields that change in every
 * chunk). An event matches when it has the same segments and every hole holds plain JSON string characters: no quote,
 * no backslash, no control character. So a match is well-formed JSON by construction, and says nothing new.
 */

export interface Skip {
  /** `block` is one whole event in latin1; `text` what its decoding added. */
  learn(block: string, text: string): void;
  matches(latin1: string, start: number, end: number): boolean;
  /** Characters of text in all events that matched. */
  readonly skippedChars: number;
}

export function createSkip(noise: readonly string[]): Skip {
  let segments: readonly string[] | undefined;
  /** Which hole is the text; the others are noise. */
  let textHole = 0;
  let skippedChars = 0;

  function learn(block: string, text: string): void {
    const holes: [number, number][] = [];
    const literal = Buffer.from(JSON.stringify(text).slice(1, -1)).toString('latin1');
    const at = block.indexOf(`"${literal}"`);
    // Twice in one event: we could not tell the text from the rest.
    if (at < 0 || block.indexOf(`"${literal}"`, at + 1) >= 0) {
      segments = undefined;
      return;
    }
    holes.push([at + 1, at + 1 + literal.length]);
    for (const field of noise) {
      const key = block.indexOf(`"${field}":"`);
      if (key < 0) continue;
      const from = key + field.length + 4;
      holes.push([from, block.indexOf('"', from)]);
    }
    holes.sort((a, b) => a[0] - b[0]);
    textHole = holes.findIndex(([start]) => start === at + 1);
    const cut: string[] = [];
    let from = 0;
    for (const [start, stop] of holes) {
      cut.push(block.slice(from, start));
      from = stop;
    }
    cut.push(block.slice(from));
    segments = cut;
  }

  function matches(latin1: string, start: number, end: number): boolean {
    if (segments === undefined) return false;
    let at = start;
    let chars = 0;
    for (let index = 0; index < segments.length; index++) {
      const segment = segments[index] ?? '';
      if (!latin1.startsWith(segment, at)) return false;
      at += segment.length;
      if (index === segments.length - 1) break;
      // A hole: plain characters up to the closing quote, which the next segment begins with.
      const from = at;
      for (;;) {
        if (at >= end) return false;
        const code = latin1.charCodeAt(at);
        if (code === 0x22) break;
        if (code === 0x5c || code < 0x20) return false;
        at += 1;
      }
      if (index === textHole) chars = at - from;
    }
    if (at !== end) return false;
    skippedChars += chars;
    return true;
  }

  return {
    learn,
    matches,
    get skippedChars() {
      return skippedChars;
    },
  };
}
