/** Tells whether the text so far is one whole JSON object, in the memory of three numbers. Does not check its grammar: a parser will. */
export interface JsonDepth {
  add(text: string): void;
  isWhole(): boolean;
}

export function createJsonDepth(): JsonDepth {
  let depth = 0;
  let begun = false;
  let inString = false;
  let escaped = false;
  return {
    add(text) {
      for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (inString) {
          if (escaped) escaped = false;
          else if (code === 0x5c) escaped = true;
          else if (code === 0x22) inString = false;
        } else if (code === 0x22) inString = true;
        else if (code === 0x7b || code === 0x5b) {
          depth += 1;
          begun = true;
        } else if (code === 0x7d || code === 0x5d) depth -= 1;
      }
    },
    isWhole: () => begun && depth <= 0 && !inString,
  };
}
