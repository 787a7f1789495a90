/** Notes in this process alone, as several replicas would share them. */
import type { Note, NoteStore } from '../../src/stores/routing/contract.ts';

export interface MemoryNotes extends NoteStore {
  /** While true, nothing can be read or written. */
  down: boolean;
}

export function memoryNotes(): MemoryNotes {
  const kept = new Map<string, Note>();
  const reach = (): void => {
    if (notes.down) throw new Error('the store is down');
  };
  const notes: MemoryNotes = {
    down: false,
    async read(name) {
      reach();
      return structuredClone(kept.get(name));
    },
    async list(prefix) {
      reach();
      return [...kept.values()].filter(({ name }) => name.startsWith(prefix));
    },
    async write(name, value, from, atMs) {
      reach();
      if ((kept.get(name)?.version ?? 0) !== from) return false;
      kept.set(name, { name, version: from + 1, value: structuredClone(value), atMs });
      return true;
    },
    async remove(name) {
      reach();
      kept.delete(name);
    },
  };
  return notes;
}
