/** A source that remembers whether it broke, for who must tell its failures from those of where it is sent. */
export interface Watched<T> {
  readonly items: AsyncIterable<T>;
  broke(): boolean;
}

export function watchSource<T>(source: AsyncIterable<T>): Watched<T> {
  let broke = false;
  async function* watched(): AsyncGenerator<T, void, undefined> {
    try {
      yield* source;
    } catch (thrown) {
      broke = true;
      throw thrown;
    }
  }
  return { items: watched(), broke: () => broke };
}
