/** How hard a request looks, before any model has seen it: a score with the parts that it is made of. */

/** The part of a request that is scored: its words, bounded, and what is known of it without them. */
export interface Prompt {
  /** What the user asks, at most as long as the policy reads. */
  readonly text: string;
  /** Of the whole request, estimated. */
  readonly inputTokens: number;
  readonly messages?: number;
  readonly tools?: boolean;
}

/** What the heuristic looks at, in the order in which its parts are shown. */
export const partNames = [
  'length',
  'variety',
  'structure',
  'relations',
  'constraints',
  'reasoning',
  'numbers',
  'math',
  'code',
  'questions',
  'conversation',
  'tools',
] as const;
export type PartName = (typeof partNames)[number];

export interface ComplexityPart {
  readonly name: string;
  /** In [0, 1]. */
  readonly value: number;
  readonly weight: number;
}

export interface Complexity {
  /** In [0, 1]; 0 is easy. */
  readonly score: number;
  readonly parts: readonly ComplexityPart[];
  /** Who says so: `heuristic`, `trained:classify@3`. */
  readonly scorer: string;
}

export interface Scorer {
  readonly name: string;
  /** Pure, and quick: microseconds on a bounded text. */
  score(prompt: Prompt): Complexity;
}

/** How a route has its requests scored. */
export interface ComplexityPolicy {
  /** Most characters that are read, half from the start of the text and half from its end. */
  readonly mostChars: number;
  /** Over those of the heuristic, by the names of its parts. */
  readonly weights: Readonly<Partial<Record<PartName, number>>>;
  /** `trained`: by the route’s own scorer, where there is one that has beaten the heuristic on held-out traffic. */
  readonly scorer: 'heuristic' | 'trained';
}
