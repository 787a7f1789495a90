/**
 * Reloads a config when its file changes or when told to. The folder is watched, not the file: editors and config maps replace
 * files. Events come in bursts, so a reload waits until they have settled.
 */
import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../core/clock.ts';
import type { Loaded } from './load.ts';
import type { LocatedProblem } from './problem.ts';

/** Long enough for an editor's write, rename and chmod; short enough that nobody waits. */
const settleMs = 150;

export interface WatchOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly load: () => Loaded;
  /** A valid file. */
  readonly onConfig: (loaded: Extract<Loaded, { ok: true }>) => void;
  /** A broken one: the running config stays. */
  readonly onRefused: (problems: readonly LocatedProblem[]) => void;
  /** The folder can no longer be watched. */
  readonly onError?: (error: Error) => void;
  /** Tells of changes in a folder; the system's own where absent. */
  readonly subscribe?: Subscribe;
}

export type Subscribe = (
  folder: string,
  onChange: (file: string | null) => void,
  onError: (error: Error) => void,
) => () => void;

export interface Watcher {
  /** Reloads now (SIGHUP). */
  reload(): void;
  close(): void;
}

export function watchConfig(options: WatchOptions): Watcher {
  const { file, clock } = options;
  const name = basename(file);
  let cancel: (() => void) | undefined;

  function reload(): void {
    cancel?.();
    cancel = undefined;
    const loaded = options.load();
    if (loaded.ok) options.onConfig(loaded);
    else options.onRefused(loaded.problems);
  }

  function onChange(changed: string | null): void {
    // Kubernetes swaps a link of another name: an event without a name, or of such a link, counts too.
    if (changed !== null && changed !== name && !changed.startsWith('..')) return;
    cancel?.();
    cancel = clock.after(settleMs, reload);
  }

  const onError = options.onError ?? (() => {});
  const unsubscribe = (options.subscribe ?? systemWatch)(dirname(file), onChange, onError);

  return {
    reload,
    close() {
      cancel?.();
      unsubscribe();
    },
  };
}

const systemWatch: Subscribe = (folder, onChange, onError) => {
  const watcher = watch(folder, { persistent: false }, (_event, changed) => onChange(changed));
  // Without a listener the folder's removal would end the process.
  watcher.on('error', onError);
  return () => watcher.close();
};
