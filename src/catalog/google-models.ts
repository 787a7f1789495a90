/** Google’s models on Vertex AI. Source: the model pages of its documentation, November 2026. */
import type { Capability } from '../core/capability.ts';
import { alike, type CatalogEntry, embedding, type Traits } from './entry.ts';

const media: readonly Capability[] = [
  'vision',
  'image-url',
  'documents',
  'document-url',
  'audio',
  'video',
  'tools',
  'structured-output',
  'logprobs',
  'choices',
];
const thinking: readonly Capability[] = [...media, 'reasoning'];
const plain: Traits = { has: media, midSystem: false };
const budget: Traits = { has: thinking, thinking: 'budget', midSystem: false };
const flash: Traits = {
  ...budget,
  thinking: 'level',
  efforts: ['minimal', 'low', 'medium', 'high'],
};
const pro: Traits = { ...flash, efforts: ['low', 'medium', 'high'] };

export const googleModels: readonly (readonly [string, CatalogEntry])[] = [
  ...alike(flash, [
    ['gemini-3.8-flash'],
    ['gemini-3.7-flash'],
    ['gemini-3.6-flash', 1_048_576, 65_536],
    ['gemini-3.5-flash', 1_048_576, 65_536],
    ['gemini-3.5-flash-lite', 1_048_576, 65_536],
    ['gemini-3.1-flash-lite', 1_048_576, 65_536],
    ['gemini-3-flash', 1_048_576, 65_536],
  ]),
  ...alike(pro, [['gemini-3.1-pro', 1_048_576, 65_536]]),
  ...alike({ ...pro, efforts: ['low', 'high'] }, [['gemini-3-pro', 1_048_576, 65_536]]),
  ...alike(budget, [
    ['gemini-2.5-pro', 1_048_576, 65_536],
    ['gemini-2.5-flash', 1_048_576, 65_536],
    ['gemini-2.5-flash-lite', 1_048_576, 65_536],
  ]),
  ...alike(plain, [
    ['gemini-2.0-flash', 1_048_576, 8192],
    ['gemini-2.0-flash-lite', 1_048_576, 8192],
    ['gemini-1.5-flash', 1_048_576, 8192],
    ['gemini-1.5-pro', 2_097_152, 8192],
  ]),
  ...alike({ has: ['vision', 'image-url', 'tools', 'structured-output'], midSystem: false }, [
    ['gemma-4-31b-it', 262_144, 32_768],
    ['gemma-4-26b-a4b-it', 262_144, 32_768],
  ]),
  ...embedding([
    ['gemini-embedding-2', 8192],
    ['gemini-embedding-001', 2048],
    ['text-embedding-005', 2048],
    ['text-embedding-004', 2048],
    ['text-multilingual-embedding-002', 2048],
  ]),
];
