/**
 * Who scores the requests of each route: the heuristic with the route's weights, or what was learnt of the route, where the config asks for
 * that and a training has switched it on. Trained scorers are read from notes at the start and now and then; never while a request waits.
 */
import type { Clock } from '../../core/clock.ts';
import type { NoteStore } from '../../stores/routing/contract.ts';
import type { Route } from '../contract.ts';
import type { ComplexityPolicy, Scorer } from './contract.ts';
import { createHeuristic } from './heuristic.ts';
import { notePrefix, readScorer, type StoredScorer } from './stored.ts';
import { createTrained } from './trained.ts';

/** More than any config has routes; each holds some 100 kB. */
const mostTrained = 200;
const refreshMs = 30_000;

interface Input {
  readonly notes: NoteStore;
  readonly clock: Clock;
  readonly onTrouble: (error: unknown) => void;
}

interface Known {
  /** Of the note. */
  readonly version: number;
  readonly active: StoredScorer['active'];
}

export class Scorers {
  /** By the policy of a route: gone with it when the config is loaded anew. */
  readonly #made = new WeakMap<ComplexityPolicy, { readonly version: number; readonly scorer: Scorer }>();
  readonly #input: Input | undefined;
  #trained: ReadonlyMap<string, Known> = new Map();
  #cancel = (): void => {};
  #closed = false;

  /** Without a store to read from, all go by the heuristic. */
  constructor(input?: Input) {
    this.#input = input;
  }

  readonly of = (route: Route): Scorer => {
    const { complexity } = route;
    const known = complexity.scorer === 'trained' ? this.#trained.get(route.name) : undefined;
    const version = known?.version ?? 0;
    const made = this.#made.get(complexity);
    if (made?.version === version) return made.scorer;
    const active = known?.active;
    const scorer =
      active === undefined
        ? createHeuristic(complexity.weights)
        : createTrained(`trained:${route.name}@${active.trial.version}`, active.model, complexity.weights);
    this.#made.set(complexity, { version, scorer });
    return scorer;
  };

  /** Reads the notes, and again every half minute until `close`. What cannot be read now stays as it was. */
  async open(): Promise<void> {
    await this.refresh();
    this.#later();
  }

  async refresh(): Promise<void> {
    if (this.#input === undefined) return;
    try {
      const notes = await this.#input.notes.list(notePrefix);
      this.#trained = new Map(
        notes.slice(0, mostTrained).map(({ name, version, value }) => {
          const route = name.slice(notePrefix.length);
          const known = this.#trained.get(route);
          if (known?.version === version) return [route, known];
          return [route, { version, active: readScorer(value)?.active }];
        }),
      );
    } catch (thrown) {
      this.#input.onTrouble(thrown);
    }
  }

  #later(): void {
    if (this.#closed || this.#input === undefined) return;
    this.#cancel = this.#input.clock.after(refreshMs, () => {
      this.refresh().then(() => this.#later(), this.#input?.onTrouble);
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }
}
