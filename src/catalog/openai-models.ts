/**
 * OpenAI’s models, on its own API, on Azure and elsewhere. Source: the model pages of its documentation, November 2026. Tokenizers: the model table of
 * gpt-tokenizer 4.0.0, read in November 2026; GPT-6 is not in it, so nothing is claimed for it.
 */
import type { Capability } from '../core/capability.ts';
import { alike, type CatalogEntry, embedding, type Traits } from './entry.ts';

const text: readonly Capability[] = ['tools', 'logprobs', 'choices'];
const sighted: readonly Capability[] = [...text, 'structured-output', 'vision', 'image-url', 'documents'];
const thinker: readonly Capability[] = [
  'tools',
  'choices',
  'structured-output',
  'reasoning',
  'vision',
  'image-url',
  'documents',
];

const reasoning: Traits = {
  has: thinker,
  sampling: 'fixed',
  thinking: 'effort',
  prefill: false,
  tokenizer: 'o200k',
};

/** Efforts by generation: GPT-5 thinks at least minimally, 5.1 can be told not to, 6 always thinks. */
const o: Traits = { ...reasoning, efforts: ['low', 'medium', 'high'] };
const gpt5: Traits = { ...reasoning, efforts: ['minimal', 'low', 'medium', 'high'] };
const gpt51: Traits = { ...reasoning, efforts: ['none', 'low', 'medium', 'high'] };
const gpt52: Traits = { ...reasoning, efforts: ['none', 'low', 'medium', 'high', 'xhigh'] };
const gpt56: Traits = { ...reasoning, efforts: ['none', 'low', 'medium', 'high', 'xhigh', 'max'] };
const { tokenizer: _unknown, ...untold } = reasoning;
const gpt6: Traits = { ...untold, efforts: ['low', 'medium', 'high', 'xhigh', 'max'] };
/** The -pro models think hard whatever they are told. */
const gpt52pro: Traits = { ...reasoning, efforts: ['medium', 'high', 'xhigh'] };

export const openAiModels: readonly (readonly [string, CatalogEntry])[] = [
  ...alike(gpt6, [
    ['gpt-6.1-sol', 1_050_000, 128_000],
    ['gpt-6.1-terra', undefined, 128_000],
    ['gpt-6-astra', 1_050_000, 128_000],
    ['gpt-6-sol', 1_050_000, 128_000],
    ['gpt-6-luna', undefined, 128_000],
  ]),
  ...alike(gpt56, [
    ['gpt-5.6', 1_050_000, 128_000],
    ['gpt-5.6-sol', undefined, 128_000],
    ['gpt-5.6-terra', undefined, 128_000],
    ['gpt-5.6-luna', undefined, 128_000],
  ]),
  ...alike(gpt52, [
    ['gpt-5.5', 1_050_000, 128_000],
    ['gpt-5.4', 1_050_000, 128_000],
    ['gpt-5.4-mini', 400_000, 128_000],
    ['gpt-5.4-nano', 400_000, 128_000],
    ['gpt-5.3-codex', 400_000, 128_000],
    ['gpt-5.2', 400_000, 128_000],
    ['gpt-5.2-codex', 400_000, 128_000],
  ]),
  ...alike(gpt52pro, [
    ['gpt-5.5-pro', 1_050_000, 128_000],
    ['gpt-5.4-pro', 1_050_000, 128_000],
    ['gpt-5.2-pro', 400_000, 128_000],
  ]),
  ...alike(gpt51, [
    ['gpt-5.1', 400_000, 128_000],
    ['gpt-5.1-mini', 400_000, 128_000],
    ['gpt-5.1-codex', 400_000, 128_000],
    ['gpt-5.1-codex-mini', 400_000, 128_000],
    ['gpt-5.1-codex-max', 400_000, 128_000],
  ]),
  ...alike(gpt5, [
    ['gpt-5', 400_000, 128_000],
    ['gpt-5-mini', 400_000, 128_000],
    ['gpt-5-nano', 400_000, 128_000],
    ['gpt-5-codex', 400_000, 128_000],
  ]),
  ...alike({ ...reasoning, efforts: ['high'] }, [['gpt-5-pro', 400_000, 272_000]]),
  ...alike({ has: sighted, prefill: false, sampling: 'fixed', tokenizer: 'o200k' }, [
    ['gpt-5-chat', 128_000, 16_384],
    ['gpt-5.1-chat', 128_000, 16_384],
    ['gpt-5.2-chat', 128_000, 16_384],
    ['gpt-5.3-chat', 128_000, 16_384],
  ]),
  ...alike(o, [
    ['o1', 200_000, 100_000],
    ['o3', 200_000, 100_000],
    ['o3-pro', 200_000, 100_000],
    ['o4-mini', 200_000, 100_000],
  ]),
  ...alike({ ...o, has: ['tools', 'structured-output', 'reasoning'] }, [['o3-mini', 200_000, 100_000]]),
  ...alike({ has: sighted, prefill: false, tokenizer: 'o200k' }, [
    ['gpt-4.1', 1_047_576, 32_768],
    ['gpt-4.1-mini', 1_047_576, 32_768],
    ['gpt-4.1-nano', 1_047_576, 32_768],
    ['gpt-4o', 128_000, 16_384],
    ['gpt-4o-mini', 128_000, 16_384],
    ['chatgpt-4o', 128_000, 16_384],
  ]),
  ...alike({ has: [...text, 'audio'], prefill: false, nativeSchema: false, tokenizer: 'o200k' }, [
    ['gpt-4o-audio-preview', 128_000, 16_384],
    ['gpt-4o-mini-audio-preview', 128_000, 16_384],
    ['gpt-audio', 128_000, 16_384],
    ['gpt-audio-mini', 128_000, 16_384],
  ]),
  ...alike(
    { has: [...text, 'vision', 'image-url'], prefill: false, nativeSchema: false, tokenizer: 'cl100k' },
    [['gpt-4-turbo', 128_000, 4096]],
  ),
  ...alike({ has: text, prefill: false, nativeSchema: false, tokenizer: 'cl100k' }, [
    ['gpt-4', 8192, 8192],
    ['gpt-3.5-turbo', 16_385, 4096],
  ]),
  ...alike(
    {
      has: ['tools', 'structured-output', 'reasoning'],
      thinking: 'effort',
      efforts: ['low', 'medium', 'high'],
      prefill: false,
      tokenizer: 'o200k',
    },
    [
      ['gpt-oss-120b', 131_072],
      ['gpt-oss-20b', 131_072],
    ],
  ),
  ...embedding(
    [
      ['text-embedding-3-small', 8192],
      ['text-embedding-3-large', 8192],
      ['text-embedding-ada-002', 8192],
    ],
    { tokenizer: 'cl100k' },
  ),
];
