/** Amazon’s own models, and those that many servers host. Sources: their makers’ model pages, November 2026. */
import type { Capability } from '../core/capability.ts';
import { alike, type CatalogEntry, embedding, type Traits } from './entry.ts';

const text: readonly Capability[] = ['tools', 'structured-output'];
const open: Traits = { has: [...text, 'logprobs', 'choices'] };
const sighted: Traits = { has: [...open.has, 'vision', 'image-url'] };
const thinking = (traits: Traits): Traits => ({ ...traits, has: [...traits.has, 'reasoning'] });

/** Nova takes schemas as a forced tool alone. */
const nova: Traits = { has: text, midSystem: false, nativeSchema: false };
const novaSighted: Traits = { ...nova, has: [...text, 'vision', 'documents', 'video'] };

const amazon: readonly (readonly [string, CatalogEntry])[] = [
  ...alike({ ...novaSighted, has: [...novaSighted.has, 'reasoning'] }, [
    ['nova-2-lite', 1_000_000, 65_535],
    ['nova-2-pro', 1_000_000, 65_535],
  ]),
  ...alike(nova, [['nova-micro', 128_000, 10_000]]),
  ...alike(novaSighted, [
    ['nova-lite', 300_000, 10_000],
    ['nova-pro', 300_000, 10_000],
    ['nova-premier', 1_000_000, 10_000],
  ]),
  ...alike({ has: [], midSystem: false, nativeSchema: false }, [
    ['titan-text-express', 8192, 8192],
    ['titan-text-lite', 4096, 4096],
    ['titan-text-premier', 32_000, 3072],
  ]),
  ...embedding([
    ['titan-embed-text-v2', 8192],
    ['titan-embed-text-v1', 8192],
    ['nova-2-multimodal-embeddings', 8192],
  ]),
];

const hosted: readonly (readonly [string, CatalogEntry])[] = [
  ...alike(sighted, [
    ['llama-4-maverick-17b-instruct', 1_000_000],
    ['llama-4-scout-17b-instruct', 3_500_000],
    ['llama-3.2-90b-instruct', 128_000],
    ['llama-3.2-11b-instruct', 128_000],
    ['mistral-large', 262_144],
    ['mistral-medium', 131_072],
    ['pixtral-large', 128_000],
    ['pixtral-12b', 128_000],
  ]),
  ...alike(open, [
    ['llama-3.3-70b-instruct', 128_000],
    ['llama-3.2-3b-instruct', 128_000],
    ['llama-3.2-1b-instruct', 128_000],
    ['llama-3.1-405b-instruct', 128_000],
    ['llama-3.1-70b-instruct', 128_000],
    ['llama-3.1-8b-instruct', 128_000],
    ['mistral-nemo', 128_000],
    ['codestral', 256_000],
    ['command-r', 128_000, 4000],
    ['command-r-plus', 128_000, 4000],
    ['command-a', 256_000, 8000],
    ['devstral-medium', 262_144],
  ]),
  ...alike({ has: [], nativeSchema: false }, [
    ['llama2-13b-chat', 4096, 2048],
    ['llama2-70b-chat', 4096, 2048],
  ]),
  ...alike(thinking(sighted), [
    ['mistral-small', 128_000],
    ['magistral-medium', 128_000],
    ['magistral-small', 128_000],
    ['grok-4.3', 1_000_000],
    ['grok-4.20-reasoning', 1_000_000],
  ]),
  ...alike(sighted, [
    ['grok-4.20-non-reasoning', 1_000_000],
    ['grok-4-1-fast-non-reasoning', 2_000_000],
  ]),
  ...alike({ ...open, nativeSchema: false }, [['deepseek-chat', 131_072]]),
  ...alike(thinking({ ...open, nativeSchema: false }), [
    ['deepseek-v4-flash', 1_000_000],
    ['deepseek-v4-pro', 1_000_000],
    ['deepseek-reasoner', 131_072],
    ['deepseek-r1', 128_000],
  ]),
  ...embedding([
    ['embed-english-v3', 512],
    ['embed-multilingual-v3', 512],
    ['embed-v4', 128_000],
    ['mistral-embed', 8192],
    ['codestral-embed', 8192],
    ['nomic-embed-text', 8192],
    ['bge-m3', 8192],
    ['mxbai-embed-large', 512],
  ]),
];

export const otherModels: readonly (readonly [string, CatalogEntry])[] = [...amazon, ...hosted];
