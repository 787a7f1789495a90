/** What one Gemini generation takes and another refuses, read off the model. */
import type { ModelInfo } from '../../../core/model.ts';
import type { Effort } from '../../../core/request.ts';

export interface GeminiTraits {
  /** Raw JSON Schema for tools and answers; otherwise the OpenAPI-like subset. */
  readonly jsonSchema: boolean;
  /** An answer schema beside function declarations. Older models answer 400. */
  readonly schemaWithTools: boolean;
  /** `functionResponse.parts` and a media resolution for each part. */
  readonly partMedia: boolean;
  /** The first call of every step must carry a signature, or the request is a 400. */
  readonly signedCalls: boolean;
  /** Function calling mode VALIDATED. */
  readonly validated: boolean;
  readonly thinking: 'none' | 'budget' | 'level';
  readonly budget: { readonly least: number; readonly most: number; readonly canTurnOff: boolean };
  /** Levels as efforts, weakest first. */
  readonly levels: readonly Effort[];
}

/** For a tuned model or an endpoint, whose name says nothing. */
const usualGeneration = 2.5;

/** Limits: the thinking pages of the Gemini documentation, November 2026. */
export function geminiTraits(model: ModelInfo): GeminiTraits {
  const generation = readGeneration(model);
  const pro = /-pro\b/.test(model.id);
  const lite = /-lite\b/.test(model.id);
  return {
    jsonSchema: generation >= 2.5,
    schemaWithTools: generation >= 3,
    partMedia: generation >= 3,
    signedCalls: generation >= 3,
    validated: generation >= 2.5,
    thinking: readThinking(model, generation),
    budget: { least: pro ? 128 : lite ? 512 : 1, most: pro ? 32_768 : 24_576, canTurnOff: !pro },
    levels: model.efforts?.filter((effort) => effort !== 'none') ?? levelsOf(generation, pro),
  };
}

function readGeneration(model: ModelInfo): number {
  const named = /gemini-(\d+(?:\.\d+)?)/.exec(model.id)?.[1];
  if (named !== undefined) return Number.parseFloat(named);
  return model.known && model.thinking === 'level' ? 3 : usualGeneration;
}

function readThinking(model: ModelInfo, generation: number): GeminiTraits['thinking'] {
  const { thinking } = model;
  if (thinking === 'level' || thinking === 'budget' || (model.known && thinking === 'none')) return thinking;
  if (generation >= 3) return 'level';
  return generation >= 2.5 ? 'budget' : 'none';
}

function levelsOf(generation: number, pro: boolean): readonly Effort[] {
  if (!pro) return ['minimal', 'low', 'medium', 'high'];
  return generation >= 3.1 ? ['low', 'medium', 'high'] : ['low', 'high'];
}
