/** Requests that are being called, by what makes them the same: whoever asks the same meanwhile takes the answer of the first. */
import type { Served } from '../router/contract.ts';

/** What came of the first; nothing where it brought no answer that others could take. */
export type Shared = { readonly id: string; readonly body: string; readonly served: Served } | undefined;

export class Flights {
  readonly #flying = new Map<string, Promise<Shared>>();

  /** The one that is called now; nothing: nobody is, and `land` must be called once it is known what came of this one. */
  join(key: string): { readonly shared: Promise<Shared> } | { readonly land: (shared: Shared) => void } {
    const flying = this.#flying.get(key);
    if (flying !== undefined) return { shared: flying };
    let resolve: (shared: Shared) => void = () => {};
    this.#flying.set(
      key,
      new Promise<Shared>((settled) => {
        resolve = settled;
      }),
    );
    return {
      land: (shared) => {
        this.#flying.delete(key);
        resolve(shared);
      },
    };
  }
}
