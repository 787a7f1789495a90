/** One model's row in the catalog, and how the data files write many of them alike. */
import type { Capability } from '../core/capability.ts';
import type { ModelInfo } from '../core/model.ts';

export type CatalogEntry = Omit<ModelInfo, 'id'>;

/** What a family of models has in common; `has` is its capabilities. */
export type Traits = Partial<Omit<CatalogEntry, 'known' | 'capabilities'>> & {
  readonly has: readonly Capability[];
};

/** Name, context window, most output tokens; `undefined` where its maker does not say. */
export type Row = readonly [name: string, contextTokens?: number | undefined, maxOutputTokens?: number];

export function entry({ has, ...traits }: Traits): CatalogEntry {
  return {
    known: true,
    capabilities: new Set(has),
    sampling: 'free',
    thinking: 'none',
    midSystem: true,
    prefill: true,
    nativeSchema: true,
    ...traits,
  };
}

/** Rows of models that differ in nothing but their limits. */
export function alike(traits: Traits, rows: readonly Row[]): (readonly [string, CatalogEntry])[] {
  return rows.map(([name, contextTokens, maxOutputTokens]) => [
    name,
    entry({
      ...traits,
      ...(contextTokens === undefined ? {} : { contextTokens }),
      ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    }),
  ]);
}

/** Embedding models: one text's limit counts as their window. */
export function embedding(
  rows: readonly Row[],
  more: Partial<Traits> = {},
): (readonly [string, CatalogEntry])[] {
  return alike(
    { has: ['embeddings'], sampling: 'fixed', prefill: false, nativeSchema: false, ...more },
    rows,
  );
}
