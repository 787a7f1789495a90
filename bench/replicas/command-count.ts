/** Commands of Redis's protocol (RESP), counted as they pass a wire: each is a list of texts. */
const longestHead = 12;

export class CommandCount {
  #count = 0;
  /** The end of what was seen, in which a command may begin. */
  #rest = '';

  get count(): number {
    return this.#count;
  }

  see(bytes: Buffer): void {
    const text = this.#rest + bytes.toString('latin1');
    let end = 0;
    for (const { index, 0: found } of text.matchAll(/\*\d+\r\n\$/g)) {
      this.#count += 1;
      end = index + found.length;
    }
    this.#rest = text.slice(Math.max(end, text.length - longestHead));
  }
}
