/**
 * What is known of each model, by canonical name. Limits age: an override in YAML wins, and a limit that no page confirms is absent
 * rather than guessed.
 */
import { anthropicModels } from './anthropic-models.ts';
import type { CatalogEntry } from './entry.ts';
import { googleModels } from './google-models.ts';
import { openAiModels } from './openai-models.ts';
import { otherModels } from './other-models.ts';

export type { CatalogEntry } from './entry.ts';

export const models: ReadonlyMap<string, CatalogEntry> = new Map([
  ...openAiModels,
  ...anthropicModels,
  ...googleModels,
  ...otherModels,
]);

/** Spellings that no rule reaches, to the canonical name. */
export const aliases: ReadonlyMap<string, string> = new Map([
  ['gpt-35-turbo', 'gpt-3.5-turbo'],
  ['gpt-3.5-turbo-16k', 'gpt-3.5-turbo'],
  ['gpt-oss-120b-1', 'gpt-oss-120b'],
  ['gpt-oss-20b-1', 'gpt-oss-20b'],
  ['gpt-4-turbo-preview', 'gpt-4-turbo'],
  ['gemini-flash', 'gemini-3.5-flash'],
  ['gemini-flash-lite', 'gemini-3.5-flash-lite'],
  ['r1', 'deepseek-r1'],
  ['open-mistral-nemo', 'mistral-nemo'],
  ['llama-4-maverick', 'llama-4-maverick-17b-instruct'],
  ['llama-4-scout', 'llama-4-scout-17b-instruct'],
  ['llama-3.3-70b', 'llama-3.3-70b-instruct'],
  ['llama-3.3-70b-versatile', 'llama-3.3-70b-instruct'],
  ['llama-3.1-8b', 'llama-3.1-8b-instruct'],
  ['llama-3.1-8b-instant', 'llama-3.1-8b-instruct'],
  ['command-r-08-2024', 'command-r'],
  ['command-r-plus-08-2024', 'command-r-plus'],
  ['command-a-03-2025', 'command-a'],
  ['embed-english-v3.0', 'embed-english-v3'],
  ['embed-multilingual-v3.0', 'embed-multilingual-v3'],
  ['embed-v4.0', 'embed-v4'],
]);
